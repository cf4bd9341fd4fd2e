"""Content beside the span: an image is shown where the value stood."""

import subprocess
import sys

from playwright.sync_api import Page, expect

from tests.support.server import Server

APP = """
import sys
import spanloom
from PIL import Image

@spanloom.op
def look(picture):
    return spanloom.require_current_call().trace_id

spanloom.init(sys.argv[1], endpoint=sys.argv[2])
print(look(Image.new("RGB", (40, 30), (200, 0, 0))))
assert spanloom.flush()
"""


def test_a_picture_given_to_an_op_is_seen_in_the_page(page: Page, server: Server) -> None:
    project = server.fresh_project()
    command = [sys.executable, "-c", APP, project, server.endpoint]
    trace_id = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    page.goto(f"{server.endpoint}/p/{project}/traces/{trace_id}")
    image = page.get_by_role("img", name="image/png")

    expect(image).to_be_visible()
    assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [40, 30]
