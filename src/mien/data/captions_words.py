"""Everything that captions say of a face, in all the words for it."""

import numpy as np
from jaxtyping import Float

from mien.data.captions_meanings import (
    Meaning,
    Shown,
    absent,
    closed,
    emotion,
    graded,
    neutral,
    one_side,
    present,
    rises,
    slight,
    split,
    strong,
    turned,
    units,
)

_EMOTIONS = (
    *graded(
        "happiness",
        emotion("happiness"),
        "happy|joyful|cheerful|glad|delighted|merry|in a good mood",
        "happiness|joy",
        slight="pleased|content|amused",
        strong="laughing|overjoyed|ecstatic",
        weight=3,
    ),
    *graded(
        "anger",
        emotion("anger"),
        "angry|mad|hostile|cross",
        "anger|rage",
        slight="annoyed|irritated|grumpy",
        strong="furious|enraged|raging",
        weight=3,
    ),
    *graded(
        "sadness",
        emotion("sadness"),
        "sad|unhappy|sorrowful|depressed|gloomy",
        "sadness|sorrow|grief",
        slight="melancholic|downcast",
        strong="miserable|heartbroken|crying|weeping",
        weight=3,
    ),
    *graded(
        "surprise",
        emotion("surprise"),
        "surprised|amazed|startled|surprise",
        "surprise|amazement",
        slight="wondering",
        strong="astonished|shocked|stunned",
        weight=3,
    ),
    *graded(
        "fear",
        emotion("fear"),
        "afraid|scared|fearful|frightened|fear",
        "fear|fright",
        slight="anxious|worried|nervous",
        strong="terrified|horrified|panicking",
        weight=3,
    ),
    *graded("disgust", emotion("disgust"), "disgusted|revolted|disgust|repulsed", "disgust|revulsion", strong="nauseated", weight=3),
    *graded("contempt", emotion("contempt"), "contemptuous|scornful|smug|sneering", "contempt|scorn|a smirk", weight=2),
    Meaning(
        "neutral",
        neutral,
        split("neutral|expressionless|calm|relaxed|serious|emotionless|blank|at rest"),
        split("no expression|a neutral expression|no emotion|a poker face|a blank look"),
        3,
    ),
)

_MOUTH = (
    *graded(
        "smile",
        units("AU12"),
        "smiling|grinning",
        "a smile|lip corner raise|lip corner raise up|a grin|lip corners pulled up|raised corners of the mouth",
        strong="beaming|smiling broadly|smiling widely|grinning broadly",
        slight="smiling faintly",
        weight=3,
    ),
    Meaning(
        "broad smile",
        lambda s: strong(s.unit("AU12")),
        (),
        split("a broad smile|a wide smile|a huge smile|a wide grin|a toothy smile|a beaming smile"),
    ),
    Meaning(
        "smile with open mouth",
        lambda s: present(s.unit("AU12")) * present(s.unit("AU25")),
        (),
        split("an open smile|a smile and parted lips|a smile that shows teeth"),
        0.5,
    ),
    Meaning("no smile", lambda s: absent(s.unit("AU12")), split("not smiling|unsmiling"), split("no smile"), 0.5),
    *graded(
        "corners down",
        units("AU15"),
        "pouting",
        "the lip corners pulled down|lip corner depress|downturned lips|a downturned mouth|lowered corners of the mouth",
    ),
    *graded("upper lip", units("AU10"), "", "upper lip raise|a raised upper lip|a curled upper lip|the upper lip up"),
    *graded("lower lip", units("AU16"), "", "lower lip depress|a lowered lower lip|the lower lip down", weight=0.7),
    *graded("dimples", units("AU14"), "", "dimples|dimpled cheeks|tight lip corners", weight=0.7),
    *graded("chin", units("AU17"), "", "chin raise|a raised chin boss|a wrinkled chin", weight=0.7),
    *graded("pucker", units("AU18"), "kissing|puckered", "lip pucker|puckered lips|pursed lips|a kiss|kissing lips"),
    *graded("stretch", units("AU20"), "", "lip stretch|stretched lips|lips stretched wide", weight=0.7),
    *graded("funnel", units("AU22"), "", "lip funnel|funneled lips|lips like a funnel", weight=0.7),
    *graded("tight lips", units("AU23"), "tight lipped", "lip tighten|tightened lips|tight lips"),
    *graded("pressed lips", units("AU24"), "", "lip press|pressed lips|lips pressed together"),
    *graded("sucked lips", units("AU28"), "", "lip suck|sucked in lips|lips rolled in", weight=0.7),
    *graded(
        "open mouth",
        units("AU25", "AU26", "AU27"),
        "open mouthed",
        "mouth open|an open mouth|the mouth open|parted lips|lips part|lips apart|open lips",
        strong="gaping",
        weight=2,
    ),
    Meaning(
        "wide open mouth",
        lambda s: strong(s.most("AU26", "AU27")),
        split("screaming|shouting|yelling|yawning"),
        split("the mouth wide open|a wide open mouth|mouth stretch|a gaping mouth|a mouth opened wide"),
    ),
    *graded("jaw drop", units("AU26", "AU27"), "", "jaw drop|a dropped jaw|the jaw down|a lowered jaw|jaw open"),
    Meaning(
        "closed mouth",
        closed,
        split("silent|close mouthed"),
        split("mouth closed|lips closed|a closed mouth|closed lips|the mouth shut|mouth closed, lips closed|mouth not open|no open mouth"),
        1.0,
    ),
    Meaning(
        "crooked smile",
        lambda s: present(np.abs(s.unit("AU12L") - s.unit("AU12R"))),
        split("smirking"),
        split("a crooked smile|a lopsided smile|an uneven smile|a one sided smile"),
        0.8,
    ),
    Meaning("jaw sideways", lambda s: present(s.most("AU30L", "AU30R")), (), split("the jaw sideways|a jaw moved sideways"), 0.5),
    Meaning("puffed cheeks", lambda s: present(s.most("AU33", "AU34")), (), split("puffed cheeks|cheeks full of air|blown up cheeks"), 0.5),
)

_BROWS = (
    *graded("inner brows", units("AU01"), "", "inner brow raise|raised inner brows|the inner brows up"),
    *graded("outer brows", units("AU02"), "", "outer brow raise|outter brow raise|raised outer brows|the outer brows up"),
    *graded(
        "raised brows",
        lambda s: np.minimum(s.unit("AU01"), s.unit("AU02")),
        "",
        "raised eyebrows|raised brows|the eyebrows up|eyebrows raised|brows raised|high eyebrows|brow raise",
        weight=1.5,
    ),
    *graded(
        "frown",
        units("AU04"),
        "frowning|scowling",
        "brow lower|lowered brows|a frown|a scowl|furrowed brows|knitted brows|eyebrows lowered|eyebrows drawn together",
        weight=1.5,
    ),
    Meaning("no frown", lambda s: absent(s.unit("AU04")), split("not frowning"), split("no frown|a smooth brow"), 0.4),
    Meaning(
        "one brow",
        lambda s: present(np.abs(s.unit("AU02L") - s.unit("AU02R"))),
        split("skeptical|doubtful"),
        split("one raised eyebrow|a raised eyebrow"),
        0.7,
    ),
)

_EYES = (
    *graded("wide eyes", units("AU05"), "wide eyed|staring", "upper lid raise|wide eyes|wide open eyes|widened eyes|eyes wide open"),
    *graded("cheeks", units("AU06"), "", "cheek raise|raised cheeks|crinkled eyes"),
    *graded("narrow eyes", units("AU07"), "squinting", "lid tighten|tightened lids|narrowed eyes|narrow eyes"),
    Meaning(
        "closed eyes",
        lambda s: strong(s.most("AU43", "AU45")) * strong(np.minimum(s.unit("AU43L"), s.unit("AU43R")) + s.unit("AU45")),
        split("sleeping|asleep|blinking"),
        split("eyes closed|closed eyes|the eyes shut|shut eyes|both eyes closed|eyes not open"),
        2,
    ),
    Meaning(
        "sleepy",
        lambda s: slight(s.most("AU43", "AU45")),
        split("sleepy|tired|drowsy"),
        split("half closed eyes|heavy lids|drooping lids"),
    ),
    Meaning(
        "open eyes",
        lambda s: absent(s.most("AU43", "AU45")),
        split("awake"),
        split("eyes open|open eyes|the eyes open|eyes not closed"),
        0.5,
    ),
    Meaning(
        "wink",
        lambda s: np.maximum(present(one_side("AU43", "L")(s)), present(one_side("AU43", "R")(s))),
        split("winking"),
        split("a wink|one eye closed|one closed eye"),
        2,
    ),
    Meaning(
        "wink left", lambda s: present(one_side("AU43", "L")(s)), (), split("the left eye closed|a wink of the left eye|left eye closed")
    ),
    Meaning(
        "wink right",
        lambda s: present(one_side("AU43", "R")(s)),
        (),
        split("the right eye closed|a wink of the right eye|right eye closed"),
    ),
    Meaning(
        "looks left",
        lambda s: present(s.unit("AU61")),
        split("looking left|looking to the left"),
        split("eyes turned left|eyes to the left"),
    ),
    Meaning(
        "looks right",
        lambda s: present(s.unit("AU62")),
        split("looking right|looking to the right"),
        split("eyes turned right|eyes to the right"),
    ),
    Meaning("looks up", lambda s: present(s.unit("AU63")), split("looking up|looking upwards"), split("eyes up|eyes turned up")),
    Meaning("looks down", lambda s: present(s.unit("AU64")), split("looking down|looking downwards"), split("eyes down|eyes turned down")),
)

_NOSE = (*graded("nose", units("AU09"), "", "nose wrinkle|a wrinkled nose|nose wrinkled|a scrunched nose|a crinkled nose"),)

_VIEWS = (
    Meaning("turned left", turned(1, -1, 8, 18), split("turned to the left"), split("the head turned left"), 0.6),
    Meaning("turned right", turned(1, 1, 8, 18), split("turned to the right"), split("the head turned right"), 0.6),
    Meaning("head up", turned(0, 1, 6, 14), (), split("the head up|the head raised"), 0.4),
    Meaning("head down", turned(0, -1, 6, 14), (), split("the head down|the head lowered"), 0.4),
    Meaning("tilted", lambda s: rises(np.abs(s.turn[:, 2]), 6, 14), (), split("the head tilted|a tilted head"), 0.4),
    Meaning("frontal", lambda s: 1.0 - rises(np.abs(s.turn[:, 1]), 5, 12), split("seen from the front|frontal"), (), 0.3),
    Meaning("drawn", lambda s: s.drawn, split("drawn|artificial|rendered"), (), 0.4),
    Meaning("photographed", lambda s: 1.0 - s.drawn, split("photographed"), (), 0.2),
)

#: Everything that may be said; the first holds of every face and has no words of its own.
MEANINGS: tuple[Meaning, ...] = (
    Meaning("a face", lambda shown: np.ones(len(shown.aus)), weight=0.0),
    *_EMOTIONS,
    *_MOUTH,
    *_BROWS,
    *_EYES,
    *_NOSE,
    *_VIEWS,
)


def degrees(shown: Shown) -> Float[np.ndarray, "n m"]:
    """How far each of `MEANINGS` holds of each picture, 0..1."""
    return np.stack([meaning.holds(shown) for meaning in MEANINGS], axis=1)
