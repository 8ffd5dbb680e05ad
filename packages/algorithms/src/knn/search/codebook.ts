import type { IvfPqIndex } from "../index/vector-index.ts";
import { codewords as wordCount } from "../kernels/layout.ts";
import type { Area, Scanner } from "./scanner.ts";

/** Codewords as scans take them: feature by feature, those of a part side by side. */
export function codebookOf(scanner: Scanner, { width, parts, codewords }: IvfPqIndex): Area {
  const codebook = scanner.area(width * wordCount);
  const partWidth = width / parts;
  for (let part = 0; part < parts; part++) {
    for (let word = 0; word < wordCount; word++) {
      for (let j = 0; j < partWidth; j++) {
        const from = (part * wordCount + word) * partWidth + j;
        codebook.values[(part * partWidth + j) * wordCount + word] = codewords[from] as number;
      }
    }
  }
  return codebook;
}
