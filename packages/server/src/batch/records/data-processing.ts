import { randomUUID } from "node:crypto";
import { isWhole, type JsonPath, wholeValue } from "../json-path/json-path.ts";
import type { SelectOptions } from "../json-path/select.ts";
import { RecordFault } from "./record-fault.ts";
import { csvFormat, type InferenceStamp, jsonFormat, type RecordFormat } from "./record-format.ts";

/** The formats that records can be filtered and joined in. */
export type ProcessedFormat = "csv" | "json";

/** What is done to records on their way to the model and back. */
export interface DataProcessingSettings {
  readonly inputFilter: JsonPath;
  readonly outputFilter: JsonPath;
  /** Whether the answer is joined to the record that it is for. */
  readonly joins: boolean;
  readonly inputFormat: ProcessedFormat;
  /** Of answers. */
  readonly outputFormat: ProcessedFormat;
  /** Time that joined records are stamped with, beside an id of their own; they are not when absent. ISO 8601. */
  readonly stampTime?: string;
  readonly options?: SelectOptions;
}

/** Texts of CSV pass through as bytes, whatever their encoding is; JSON is UTF-8. */
const encodings = { csv: "latin1", json: "utf8" } as const;
const formats: Readonly<Record<ProcessedFormat, RecordFormat>> = { csv: csvFormat, json: jsonFormat };

/** InputFilter, JoinSource and OutputFilter of one job, in the order in which they act. */
export class DataProcessing {
  readonly #settings: DataProcessingSettings;
  readonly #options: SelectOptions;

  constructor(settings: DataProcessingSettings) {
    this.#settings = settings;
    this.#options = settings.options ?? {};
  }

  /** Whether single records are taken apart on their way to the model. */
  get readsRecords(): boolean {
    return this.joins || !isWhole(this.#settings.inputFilter);
  }

  /** Whether answers are taken apart. */
  get readsAnswers(): boolean {
    return this.joins || !isWhole(this.#settings.outputFilter);
  }

  get joins(): boolean {
    return this.#settings.joins;
  }

  /** A record's text, without the end of its line. */
  textOf(record: Buffer): string {
    const text = record.toString(encodings[this.#settings.inputFormat]);
    return text.replace(/\r?\n$/, "");
  }

  /** A text of the input's format as bytes. */
  inputBytes(text: string): Buffer {
    return Buffer.from(text, encodings[this.#settings.inputFormat]);
  }

  /** A text of the answer's format as bytes. */
  outputBytes(text: string): Buffer {
    return Buffer.from(text, encodings[this.#settings.outputFormat]);
  }

  /**
   * What the model is sent of a record.
   * @param number - The record's, in its object.
   * @throws RecordFault
   */
  request(text: string, number: number): string {
    const { inputFilter, inputFormat } = this.#settings;
    return this.#atRecord(number, "InputFilter", () => formats[inputFormat].filter(text, inputFilter, this.#options));
  }

  /**
   * What is stored of records and their answers.
   * @param first - Number of the first of them.
   * @param records - Their texts, where answers are joined to them.
   * @throws RecordFault, also where there are more or fewer answers than records.
   */
  outputs(records: readonly string[], answers: readonly string[], first: number): string[] {
    const { outputFilter, outputFormat, stampTime } = this.#settings;
    const format = formats[outputFormat];
    if (!this.joins) {
      return answers.map((answer, i) =>
        this.#atRecord(first + i, "OutputFilter", () => format.filter(answer, outputFilter, this.#options)),
      );
    }
    if (answers.length !== records.length) throw wrongCount(records.length, answers.length, first);
    return records.map((record, i) => {
      const stamp: InferenceStamp | undefined =
        stampTime === undefined ? undefined : { id: randomUUID(), time: stampTime };
      return this.#atRecord(first + i, isWhole(outputFilter) ? "JoinSource" : "OutputFilter", () =>
        format.join(record, answers[i] as string, stamp, outputFilter, this.#options),
      );
    });
  }

  /** The texts of an answer's records: the whole of it where it is for one record, and its lines where it is for many. */
  answers(body: Buffer, isSingle: boolean): string[] {
    const { outputFormat } = this.#settings;
    const text = body.toString(encodings[outputFormat]).replace(/[\r\n]+$/, "");
    if (isSingle && outputFormat === "json") return [text];
    return text === "" ? [] : text.split(/\r?\n/);
  }

  #atRecord(number: number, member: string, act: () => string): string {
    try {
      return act();
    } catch (error) {
      throw new RecordFault(number, `${member}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function wrongCount(records: number, answers: number, first: number): RecordFault {
  const asked = records === 1 ? "one record" : `${records} records`;
  return new RecordFault(
    first,
    `JoinSource: the model answered ${asked} (from this line on) with ${answers}; a join needs one answer for each record, each on a line of its own`,
  );
}

/** No filter, no join: bytes go through as they are. */
export const noProcessing = new DataProcessing({
  inputFilter: wholeValue,
  outputFilter: wholeValue,
  joins: false,
  inputFormat: "csv",
  outputFormat: "csv",
});
