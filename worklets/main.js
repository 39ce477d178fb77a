/** Both worklets in one file: half of what they are made of is the same. */

import "./capture.js";
import "./playback.js";
