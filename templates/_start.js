/**
 * The script that stands in the page itself, before everything else: first whether the page is embedded, then whether
 * it can work here, then the start.
 */

import "./_embedded.js";
import "./_guard.js";
import "./_preload.js";
