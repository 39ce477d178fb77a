/**
 * In the page for what is missing. It is shown at any address, so it cannot say where the site begins; but it knows a
 * file of the site. The nearest folder above that has it is where its link leads; without this script that is the
 * host's first page.
 *
 * It fetches the file, which the page that the link leads to needs anyway. To ask for its head alone throws it out of
 * WebKit's cache (`findings/webkitgtk-drops-a-cached-file-when-asked-for-its-head.sh`).
 */

(() => {
  const home = /** @type {HTMLAnchorElement} */ (document.getElementById("home"));
  const parts = location.pathname.split("/").slice(1, -1);
  /** @param {number} count of folders   @returns {Promise<string | null>} the deepest of them that has the file */
  const look = (count) => {
    const folder = `/${parts
      .slice(0, count)
      .map((part) => `${part}/`)
      .join("")}`;
    return fetch(folder + home.dataset.file).then(
      (answer) =>
        answer.ok && /css/.test(answer.headers.get("content-type") || "") ? folder : count > 0 ? look(count - 1) : null,
      () => null,
    );
  };
  look(Math.min(parts.length, 8)).then((folder) => folder && home.setAttribute("href", folder));
})();
