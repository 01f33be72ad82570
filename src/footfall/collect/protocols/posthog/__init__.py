"""PostHog's two protocols."""

from footfall.collect.protocols.posthog.v0 import PostHog
from footfall.collect.protocols.posthog.v1 import PostHogV1

__all__ = ["PostHog", "PostHogV1"]
