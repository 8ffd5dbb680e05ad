/** The part of the WebAssembly API that kernels need. It comes with TypeScript's DOM library, which does not fit here. */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: true });
    readonly buffer: SharedArrayBuffer;
    grow(pages: number): number;
  }
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: { env: Record<string, unknown> });
    readonly exports: Record<string, unknown>;
  }
}
