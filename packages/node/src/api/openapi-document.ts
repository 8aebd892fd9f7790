import swagger from '@fastify/swagger';
import Fastify from 'fastify';
import { type TSchema, Type } from 'typebox';
import { BASE_PATH } from './base-path.ts';
import type { Route } from './call.ts';
import type { AnswerDoc, OperationDoc } from './operation-doc.ts';
import { OPERATIONS } from './schemas.ts';

/** Builds the OpenAPI document of the routes that have an entry in `OPERATIONS`. */
export async function buildOpenApi(routes: readonly Route[], version: string): Promise<object> {
  // A router of its own: the one that serves knows no schemas, and so never compiles any.
  const app = Fastify({ exposeHeadRoutes: false });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  await app.register(swagger, {
    openapi: {
      openapi: '3.0.3',
      info: { title: 'Codex API', description: 'Durable storage on other people’s disks', version },
      servers: [{ url: BASE_PATH }],
    },
  });
  for (const { method, path, doc } of routes) {
    const operation = doc === undefined ? undefined : OPERATIONS[doc];
    if (!doc || !operation) continue;
    app.route({ method, url: path, schema: schemaOf(doc, path, operation), handler: () => {} });
  }
  await app.ready();
  const document = app.swagger();
  await app.close();
  return document;
}

function schemaOf(operationId: string, path: string, operation: OperationDoc): object {
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1]!);
  const { query, headers, body, bodySchema, answers } = operation;
  return {
    operationId,
    summary: operation.summary,
    tags: [operation.tag],
    ...(names.length > 0 && { params: Type.Object(Object.fromEntries(names.map((name) => [name, Type.String()]))) }),
    ...(query && { querystring: query }),
    ...(headers && { headers }),
    ...(body !== undefined && { consumes: [body], body: bodySchema ?? Type.String({ format: 'binary' }) }),
    response: Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answerSchema(answer)])),
  };
}

function answerSchema({ description, type, schema }: AnswerDoc): object {
  if (type === undefined || schema === undefined) return { description, type: 'null' };
  const content: Record<string, { schema: TSchema }> = { [type]: { schema } };
  return { description, content };
}
