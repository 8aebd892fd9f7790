/** Without these WebTorrent finds no WebRTC and uses TCP only. */
export const RTCPeerConnection = undefined;
export const RTCSessionDescription = undefined;
export const RTCIceCandidate = undefined;
