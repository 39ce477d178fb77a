"""A session bundle out of a page, in any engine."""

from __future__ import annotations

import base64
import io
import re
import zipfile

from playwright.sync_api import expect

from tests.support.talk import Call

# Drivers of two engines tell nothing of a download, so the file is taken where the page hands it out.
KEPT = """(() => {
  const made = URL.createObjectURL;
  URL.createObjectURL = (blob) => { globalThis.keptBlob = blob; return made.call(URL, blob); };
})()"""
SAVED = """() => new Promise((resolve) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.split(",")[1]);
  reader.readAsDataURL(globalThis.keptBlob);
})"""
BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")


def saved(call: Call) -> bytes:
    """Press the button as a person does, and wait for the file."""
    save = call.page.get_by_role("button", name="Save a session bundle")
    save.wait_for()
    call.page.evaluate(KEPT)
    call.page.evaluate("document.getElementById('bundle-saved').textContent = ''")
    save.click()
    expect(call.page.locator("#bundle-saved")).to_have_text(re.compile("^Saved, "), timeout=10_000)
    return base64.b64decode(call.page.evaluate(SAVED))


def holds(data: bytes, secret: str) -> bool:
    """In any member, as it is or as base64."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            unpacked = [base64.b64decode(it[: len(it) // 4 * 4]) for it in BASE64.findall(content)]
            if any(secret.encode() in part for part in (name.encode(), content, *unpacked)):
                return True
    return False
