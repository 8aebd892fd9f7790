/** As the ABI numbers them (12 §1). */
export const RequestState = { New: 0, Started: 1, Cancelled: 2, Finished: 3, Failed: 4 } as const;
export type RequestState = (typeof RequestState)[keyof typeof RequestState];

/** As the ABI numbers them (12 §1). */
export const SlotState = { Free: 0, Filled: 1, Finished: 2, Failed: 3, Paid: 4, Cancelled: 5, Repair: 6 } as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];
