import { ProtoWriter, varintLength, writeVarint } from '@codex/content';
import type { BlockAddress, BlockDelivery, BlockPresence, Message, WantEntry } from './message.ts';

function address({ leaf, ...rest }: BlockAddress): ProtoWriter {
  const writer = new ProtoWriter().uint(1, leaf ? 1 : 0);
  if ('treeCid' in rest) return writer.bytes(2, rest.treeCid).uint(3, rest.index);
  return writer.bytes(4, rest.cid);
}

function entry(want: WantEntry): ProtoWriter {
  return new ProtoWriter()
    .message(1, address(want.address))
    .uint(2, want.priority)
    .uint(3, want.cancel ? 1 : 0)
    .uint(4, want.wantType)
    .uint(5, want.sendDontHave ? 1 : 0);
}

function delivery(block: BlockDelivery): ProtoWriter {
  const writer = new ProtoWriter().bytes(1, block.cid).bytes(2, block.data).message(3, address(block.address));
  return block.address.leaf ? writer.bytes(4, block.proof) : writer;
}

function presence(have: BlockPresence): ProtoWriter {
  return new ProtoWriter().message(1, address(have.address)).uint(2, have.type).bytes(3, have.price);
}

/** The message as the reference node writes it: every scalar explicitly, fields in ascending order (04 §3). */
export function encodeMessage(message: Message): ProtoWriter {
  const wants = new ProtoWriter();
  for (const want of message.wantList.entries) wants.message(1, entry(want));
  wants.uint(2, message.wantList.full ? 1 : 0);
  const writer = new ProtoWriter().message(1, wants);
  for (const block of message.payload) writer.message(3, delivery(block));
  for (const have of message.presences) writer.message(4, presence(have));
  return writer
    .uint(5, message.pendingBytes)
    .message(6, new ProtoWriter().bytes(1, message.account))
    .message(7, new ProtoWriter().bytes(1, message.payment));
}

/** The message with its length before it, in one piece of its own memory: ready for the stream (04 §2). */
export function frameMessage(message: Message): Uint8Array {
  const writer = encodeMessage(message);
  const length = writer.length;
  // Slow: not a slice of the pool, which would be kept alive as a whole. It is filled completely below.
  const frame = Buffer.allocUnsafeSlow(varintLength(length) + length);
  let at = writeVarint(length, frame, 0);
  for (const part of writer.parts()) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}
