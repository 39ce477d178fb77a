// Both worklets with their probes, in one file as in the product.

import "./capture.js";
import "./playback.js";
