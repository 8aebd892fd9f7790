/** How much of everything that packets of strangers and requests of our own can take up. */
export interface SessionLimits {
  /** Contacts whose keys are kept, some 0.5 KB each; the least recently used goes (05 §3). */
  readonly sessionsMax: number;
  /** Challenges that wait for their handshake, some 0.5 KB each; the oldest goes. */
  readonly challengesMax: number;
  /** Challenges that wait for one IP address: whoever invents ids crowds out only itself. Not for loopback. */
  readonly challengesPerAddressMax: number;
  /** Messages that wait for the handshake with one contact: more than its outstanding requests is not needed. */
  readonly queuedPerContactMax: number;
  /** Messages that wait for handshakes in all, at most 1.2 KB each. */
  readonly queuedMax: number;
  /** Messages of the last second that a WHOAREYOU can refer to. */
  readonly recentMax: number;
  /** Packets a second from one IP address, steadily. Loopback is not limited, here and below. */
  readonly packetsPerSecond: number;
  /** Packets at once from one IP address: a lookup's answers come in bursts. */
  readonly packetsBurst: number;
  /** Handshakes a second from one IP address, steadily: each costs 1 to 3 ms of the main thread. */
  readonly handshakesPerSecond: number;
  /** Handshakes at once from one IP address: nodes behind one translator start together. */
  readonly handshakesBurst: number;
  /** Handshakes a second from all addresses together: sources can be forged. Some 20 to 40 % of a core. */
  readonly handshakesTotalPerSecond: number;
  /** IP addresses whose rates are watched, some 0.1 KB each. */
  readonly rateSourcesMax: number;
}

export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  sessionsMax: 256,
  challengesMax: 1024,
  challengesPerAddressMax: 32,
  queuedPerContactMax: 32,
  queuedMax: 1024,
  recentMax: 1024,
  packetsPerSecond: 200,
  packetsBurst: 500,
  handshakesPerSecond: 5,
  handshakesBurst: 20,
  handshakesTotalPerSecond: 200,
  rateSourcesMax: 4096,
};
