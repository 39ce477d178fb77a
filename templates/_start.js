/**
 * The script that stands in the page itself, before everything else: first whether the page can work here, then the
 * start.
 */

import "./_guard.js";
import "./_preload.js";
