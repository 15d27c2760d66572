// What the recipe uses of the types of `wrangler types`. They can't stand beside those of Node.js.
interface DurableObjectStorage {
  get<T>(key: string): Promise<T | undefined>;
  put(key: string, value: unknown): Promise<void>;
  delete(key: string | string[]): Promise<unknown>;
  sync(): Promise<void>;
}

declare module 'cloudflare:workers' {
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as in the types of Cloudflare
  export class DurableObject<Env> {
    protected readonly ctx: { readonly storage: DurableObjectStorage };
    protected readonly env: Env;
  }
}
