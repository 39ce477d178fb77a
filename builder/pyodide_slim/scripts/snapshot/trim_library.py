"""Run in a browser's Python that started from `compiled.zip` and imported the client:
keep what that took, and no more.
"""

import sys
import zipfile

with zipfile.ZipFile("/lib/python314.zip") as source, zipfile.ZipFile("/tmp/trimmed.zip", "w") as target:
    for entry in source.infolist():
        module = entry.filename.removesuffix(".pyc").removesuffix("/__init__").replace("/", ".")
        if module in sys.modules or entry.filename.startswith("pyclient/"):
            target.writestr(zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0)), source.read(entry))
