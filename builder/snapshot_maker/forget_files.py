"""Run in the browser's Python before its memory is kept: the file system is no part of it, so what is remembered of files is wrong."""

import gc
import random
import sys
import zipimport

zipimport._zip_directory_cache.clear()  # type: ignore[attr-defined]
sys.path_importer_cache.clear()
random.seed(0)  # a browser seeds it anew
gc.collect()
