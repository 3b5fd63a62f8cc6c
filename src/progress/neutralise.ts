/**
 * ECMA-48 control sequences, in their 7-bit form (ESC …) and their 8-bit form (U+009B …): strings
 * (OSC, DCS, SOS, PM, APC) up to their terminator, CSI, and the two- or three-character escapes. A
 * string that does not end on this line swallows the rest of it, as it would on a terminal.
 */
const SEQUENCES =
  /(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?/g;

/** What is left: C0 but the tab, DEL, C1, and marks that reorder text so that it reads otherwise. */
const CONTROLS = /[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const NEEDS_CARE = /[^\t\x20-\x7e\xa0-\u05ff]/;

function visible(control: string): string {
  const code = control.charCodeAt(0);
  if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
  if (code === 0x7f) return '^?';
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

/**
 * Makes one line of untrusted text harmless to a terminal: escape sequences are taken out, other
 * control characters are shown in caret notation. Nothing that prints is lost.
 */
export function neutralise(line: string): string {
  if (!NEEDS_CARE.test(line)) return line;
  return line.replace(SEQUENCES, '').replace(CONTROLS, visible);
}

/** As `neutralise`, for text of several lines. */
export function neutraliseText(text: string): string {
  return text.split('\n').map(neutralise).join('\n');
}
