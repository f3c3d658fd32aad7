// Values: what a text means that is put, and how a value that was read is shown.

const MOST_SHOWN = 20_000;
const MOST_HEX_BYTES = 2_048;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** What the command line would make of this text: its JSON as it stands, or the text itself as
 * JSON. `kind` says which. Throws Error with a sentence for a number that no node could keep. */
export function meaning(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return { json: JSON.stringify(text), kind: "text" };
  }
  for (const token of text.match(TOKEN) ?? []) {
    if (/^-?[0-9]+$/.test(token) && !fits(BigInt(token))) {
      throw new Error(`${token.slice(0, 50)} has more than 64 bits; put it in quotes`);
    }
  }
  return { json: text, kind: `JSON, ${kindOf(value)}` };
}

const fits = (whole) => whole >= -(2n ** 63n) && whole < 2n ** 64n;

function kindOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return { object: "an object", string: "a text", number: "a number", boolean: "a truth" }[
    typeof value
  ];
}

/** JSON with an item a line. It is laid out as text, for a browser's numbers have 53 bits only and
 * those of the network 64. */
export function pretty(json) {
  const tokens = json.match(TOKEN) ?? [];
  let text = "";
  let depth = 0;
  tokens.forEach((token, i) => {
    const next = tokens[i + 1];
    if (token === "{" || token === "[") {
      const isEmpty = next === "}" || next === "]";
      if (!isEmpty) depth += 1;
      text += token + (isEmpty ? "" : line(depth));
    } else if (token === "}" || token === "]") {
      const wasEmpty = tokens[i - 1] === "{" || tokens[i - 1] === "[";
      if (!wasEmpty) depth -= 1;
      text += (wasEmpty ? "" : line(depth)) + token;
    } else if (token === ",") {
      text += token + line(depth);
    } else {
      text += token === ":" ? ": " : token;
    }
  });
  return text;
}

const line = (depth) => `\n${"  ".repeat(depth)}`;

/** Bytes, sixteen a line: where they are, in hex, and as ASCII. */
export function hex(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length && at < MOST_HEX_BYTES; at += 16) {
    const some = [...bytes.subarray(at, at + 16)];
    const digits = some.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const signs = some.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "."));
    lines.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(47)}  ${signs.join("")}`);
  }
  if (bytes.length > MOST_HEX_BYTES) lines.push(`… and ${bytes.length - MOST_HEX_BYTES} more`);
  return lines.join("\n");
}

/** The value of an answer, alone in it: what it is stored as, how large, and a text that shows it, of
 * a long one the beginning. `whole` is what would be put again, where it can be. */
export async function shownValue(response) {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("application/octet-stream")) {
    return { kind: "bytes", size_bytes: bytes.length, text: hex(bytes), whole: null };
  }
  let text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const isJson = type.startsWith("application/json");
  const json = isJson ? text.trimEnd() : JSON.stringify(text);
  const kind = `JSON, ${kindOf(JSON.parse(json))}`;
  const size_bytes = new TextEncoder().encode(json).length;
  if (isJson) text = pretty(json);
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  // A text that reads as JSON would become JSON; in quotes it stays what it is.
  const whole = isJson || meaningIsText(text) ? text : JSON.stringify(text);
  return { kind, size_bytes, text: shown, whole };
}

function meaningIsText(text) {
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}
