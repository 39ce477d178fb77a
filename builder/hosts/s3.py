"""Amazon S3 behind CloudFront: a script that uploads with the right types and cache times, and the
headers as two policies.

S3 keeps a type and a cache time with each object, and no other header of ours; those come from CloudFront.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from shlex import quote
from typing import Any

from builder.hosts.deployment import SCRIPT, Deployment, checked, head
from builder.policy import TAG

# Headers for which CloudFront has a place of its own in a policy; it refuses them among the others.
_ANY_ORIGIN = "Access-Control-Allow-Origin"
_SECURITY = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Strict-Transport-Security")

_ALL = {"Quantity": 1, "Items": ["*"]}
_CORS = {
    "AccessControlAllowOrigins": _ALL,
    "AccessControlAllowHeaders": _ALL,
    "AccessControlAllowMethods": {"Quantity": 1, "Items": ["GET"]},
    "AccessControlAllowCredentials": False,
    "OriginOverride": True,
}


def files(deployment: Deployment) -> dict[str, str]:
    """Return `upload.sh` and a response headers policy each for pages, for the tag and for assets."""
    return {
        "upload.sh": "#!/bin/sh\n" + head(deployment, "s3", _installing(deployment)) + "\n" + _script(deployment),
        "page-headers.json": _policy(deployment, "page", deployment.page),
        "tag-headers.json": _policy(deployment, "tag", deployment.tag_headers),
        "asset-headers.json": _policy(deployment, "asset", deployment.asset),
    }


def _installing(deployment: Deployment) -> tuple[str, ...]:
    return (
        f"Run: BUCKET=name-of-the-bucket sh upload.sh path/to/{deployment.folder}",
        "The headers come from CloudFront. Once for each build whose policy differs:\n"
        "    aws cloudfront create-response-headers-policy --response-headers-policy-config file://page-headers.json\n"
        "    aws cloudfront create-response-headers-policy --response-headers-policy-config file://tag-headers.json\n"
        "    aws cloudfront create-response-headers-policy --response-headers-policy-config file://asset-headers.json\n"
        f"(update-response-headers-policy from then on). Give the third to the behaviour {deployment.base}assets/*, the second to\n"
        f'{deployment.tag}, the first to {deployment.base}*, switch "compress objects automatically" on, and have 404 answered by {deployment.base}404.html.',
        "S3 alone sends no such header, and its website addresses are http://, where no browser gives a microphone.\n"
        "The smaller copies (.br) stay at home: S3 does not choose by what a browser takes.",
    )


def _script(deployment: Deployment) -> str:
    target = '"s3://$BUCKET' + deployment.base + '"'
    kept, asked = (_value(headers) for headers in (deployment.asset, deployment.page))
    copy = 'aws s3 cp "$SITE/" ' + target + " --recursive --exclude '*'"
    lines = [
        "set -eu",
        ': "${BUCKET:?say BUCKET=name-of-the-bucket}"',
        f"SITE=${{1:-{quote(deployment.folder)}}}",
        "# Assets first: a page that is there finds its files. Older ones stay, for pages that are still open somewhere.",
    ]
    for suffix, kind in deployment.types.items():
        lines.append(f"{copy} --include 'assets/*{suffix}' --content-type {quote(kind)} --cache-control {quote(kept)}")
    pages = " ".join(f"--include {quote(name)}" for name in deployment.pages)
    lines.append(f"{copy} {pages} --content-type 'text/html; charset=utf-8' --cache-control {quote(asked)}")
    tag = f"--include {quote(TAG)}"
    lines.append(f"{copy} {tag} --content-type {quote(SCRIPT)} --cache-control {quote(asked)}")
    return "\n".join(lines) + "\n"


def _value(headers: Mapping[str, str]) -> str:
    return checked("Cache-Control", headers["Cache-Control"], "", "the shell")


def _policy(deployment: Deployment, kind: str, headers: Mapping[str, str]) -> str:
    values = {name: checked(name, value, "", "CloudFront") for name, value in headers.items()}
    security: dict[str, Any] = {
        "ContentSecurityPolicy": {"Override": True, "ContentSecurityPolicy": values["Content-Security-Policy"]},
        "ContentTypeOptions": {"Override": True},
        "ReferrerPolicy": {"Override": True, "ReferrerPolicy": values["Referrer-Policy"]},
    }
    # The cache time is the object's own.
    others = [name for name in values if name not in (*_SECURITY, _ANY_ORIGIN, "Cache-Control")]
    custom = [{"Header": name, "Value": values[name], "Override": True} for name in others]
    name = "-".join(["parley", *re.findall(r"\w+", deployment.base), kind])
    config = {
        "Name": name,
        "SecurityHeadersConfig": security,
        "CustomHeadersConfig": {"Quantity": len(custom), "Items": custom},
        **({"CorsConfig": _CORS} if _ANY_ORIGIN in values else {}),
    }
    return json.dumps(config, indent=2) + "\n"
