/** A name and a value in a list of facts. */

import type { ReactNode } from "react";

import type { Tokens } from "../api/types";
import { formatInteger } from "../format";

/** Stands in a `dl`. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function tokenSplit({ input_tokens, output_tokens }: Tokens): string {
  return `${formatInteger(input_tokens)} in, ${formatInteger(output_tokens)} out`;
}
