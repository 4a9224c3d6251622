// Debian 12 brings Node 18, where the Web Crypto API that the SDK signs with is not global yet.

import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
