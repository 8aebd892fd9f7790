import { type TSchema, Type } from 'typebox';

/** How one answer is described. Without a schema it has no body. */
export interface AnswerDoc {
  readonly description: string;
  readonly type?: string;
  readonly schema?: TSchema;
}

export interface OperationDoc {
  readonly summary: string;
  readonly tag: 'Data' | 'Node' | 'Debug' | 'Marketplace';
  readonly query?: TSchema;
  readonly headers?: TSchema;
  /** Media type of the request body. */
  readonly body?: string;
  /** Of a JSON body; without it the body is bytes. */
  readonly bodySchema?: TSchema;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
}

export const json = (description: string, schema: TSchema): AnswerDoc => ({
  ...{ description, schema },
  type: 'application/json',
});
export const text = (description: string): AnswerDoc => ({ description, type: 'text/plain', schema: Type.String() });
export const error = (description: string): AnswerDoc => ({ description, type: 'text/html', schema: Type.String() });
