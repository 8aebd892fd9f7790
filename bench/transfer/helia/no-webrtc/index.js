/** Transports that are never used. */
export const webRTC = () => () => undefined;
export const webRTCDirect = () => () => undefined;
