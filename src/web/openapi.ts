import * as z from "zod";
import { type Route, ROUTES } from "./routes.ts";

/** The API in OpenAPI 3.1, made of the table that it is served by. */
export function openApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, route] of Object.entries<Route>(ROUTES))
    (paths[route.path] ??= {})[route.method] = operation(name, route);
  return {
    openapi: "3.1.0",
    info: { title: "Saker", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer" },
        basic: { type: "http", scheme: "basic" },
      },
    },
    security: [{ token: [] }, { basic: [] }],
  };
}

function operation(name: string, { path, doc, query, body, answer, isOpen }: Route): object {
  return {
    operationId: name,
    summary: doc,
    parameters: [...pathParameters(path), ...queryParameters(query)],
    ...(body && { requestBody: { required: true, content: content(body, "input") } }),
    ...(isOpen && { security: [] }),
    responses: {
      "200": { description: doc, content: content(answer, "output") },
      default: { description: "An error", content: content("application/problem+json", "output") },
    },
  };
}

function content(answer: z.ZodType | string, io: "input" | "output"): object {
  if (typeof answer === "string") return { [answer]: {} };
  return { "application/json": { schema: schemaOf(answer, io) } };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: name === "id" ? "integer" : "string" },
  }));
}

function queryParameters(query: z.ZodType | undefined): object[] {
  if (query === undefined) return [];
  const { properties = {} } = schemaOf(query, "input");
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", schema }));
}

function schemaOf(schema: z.ZodType, io: "input" | "output") {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
