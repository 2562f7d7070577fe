"use strict";
// Node strips types by WebAssembly. While V8 changes over to that code's faster form, it may fail to find a frame's code and abort (Runtime_WasmTriggerTierUp,
// "Check failed: it->second.Size() > offset"): not seen on real processors, in every third run on those that qemu plays. So here the first form stays.
require("node:v8").setFlagsFromString("--no-wasm-dynamic-tiering");
require("node:v8").setFlagsFromString("--no-wasm-tier-up");
