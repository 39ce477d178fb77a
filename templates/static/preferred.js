/**
 * The first of these languages that is asked for or, after that, the browser's; null where none is.
 *
 * @param {string[]} codes such as "de"   @param {string | null} [asked] by the page around, such as "de-AT"
 */
export function preferred(codes, asked) {
  const wanted = [...(asked ? [asked] : []), ...(navigator.languages || [])].map((tag) =>
    tag.split("-")[0].toLowerCase(),
  );
  return wanted.find((code) => codes.includes(code)) || null;
}
