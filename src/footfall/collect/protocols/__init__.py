"""The wire protocols that the front door understands, one vendor a module."""

from footfall.collect.protocols.amplitude import Amplitude
from footfall.collect.protocols.countly import Countly
from footfall.collect.protocols.ga4 import Ga4
from footfall.collect.protocols.matomo import Matomo
from footfall.collect.protocols.mixpanel import Mixpanel
from footfall.collect.protocols.mixpanel_import import MixpanelImport
from footfall.collect.protocols.native import Native, NativeLogs
from footfall.collect.protocols.openpanel import OpenPanel
from footfall.collect.protocols.otlp import Otlp
from footfall.collect.protocols.plausible import Plausible
from footfall.collect.protocols.posthog import PostHog, PostHogV1
from footfall.collect.protocols.segment import Segment
from footfall.collect.protocols.snowplow import Snowplow
from footfall.collect.protocols.umami import Umami

__all__ = [
    "Amplitude",
    "Countly",
    "Ga4",
    "Matomo",
    "Mixpanel",
    "MixpanelImport",
    "Native",
    "NativeLogs",
    "OpenPanel",
    "Otlp",
    "Plausible",
    "PostHog",
    "PostHogV1",
    "Segment",
    "Snowplow",
    "Umami",
]
