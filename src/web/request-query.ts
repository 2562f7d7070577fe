import * as z from "zod";

/**
 * The keys of a query as its schema wants them: a list where it has one. A key that is repeated and
 * must not be stays a list, which the schema refuses.
 */
export function queryOf(schema: z.ZodType, search: URLSearchParams): unknown {
  const shape = schema instanceof z.ZodObject ? schema.shape : {};
  const query: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const key of new Set(search.keys())) {
    const values = search.getAll(key);
    query[key] = isList(shape[key]) || values.length > 1 ? values : values[0];
  }
  return query;
}

function isList(schema: unknown): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return isList(schema.unwrap());
  return schema instanceof z.ZodArray;
}

/** Why a value is not what a schema wants, in one line. */
export function refusalText({ issues }: z.ZodError): string {
  return issues
    .slice(0, ISSUES_MAX)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ");
}

const ISSUES_MAX = 5;
