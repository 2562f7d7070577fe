import * as z from "zod";

/** `POST /api/v1/login`; the answer sets the session's cookie. */
export const Login = z.strictObject({ token: z.string().max(256) });

/** `GET /api/v1/session`: answered to everybody. */
export const Session = z.object({ isLoggedIn: z.boolean(), version: z.string() });
export type Session = z.infer<typeof Session>;

/** `GET /api/v1/proof`: answered to everybody, of use to who has the token. */
export const ProofQuery = z.strictObject({ question: z.string().regex(/^[\w-]{16,64}$/) });
export const Proof = z.object({ proof: z.string() });

/** Every error: RFC 9457, `application/problem+json`. */
export const Problem = z.object({
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;
