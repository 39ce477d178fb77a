/**
 * The first of the browser's languages that is among these; null where none is.
 *
 * @param {string[]} codes such as "de"
 */
export function preferred(codes) {
  const wanted = (navigator.languages || []).map((tag) => tag.split("-")[0].toLowerCase());
  return wanted.find((code) => codes.includes(code)) || null;
}
