/** What survives JSON.stringify: checkpoints, labels, stored options. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
