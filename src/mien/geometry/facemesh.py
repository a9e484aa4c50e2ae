"""Names for the 468 landmarks of MediaPipe's face mesh (google/mediapipe, Apache-2.0). Curves run from the subject's right to left."""

COUNT = 468
CHIN, FOREHEAD, NOSE_TIP = 152, 10, 4
EAR_RIGHT, EAR_LEFT = 234, 454

LIP_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)  #: lower edge of the upper lip
LIP_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)  #: upper edge of the lower lip
LIP_UPPER_OUTLINE = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LIP_LOWER_OUTLINE = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
LID_UPPER = {"R": (33, 246, 161, 160, 159, 158, 157, 173, 133), "L": (362, 398, 384, 385, 386, 387, 388, 466, 263)}
LID_LOWER = {"R": (33, 7, 163, 144, 145, 153, 154, 155, 133), "L": (362, 382, 381, 380, 374, 373, 390, 249, 263)}
BROW = {"R": (70, 63, 105, 66, 107), "L": (336, 296, 334, 293, 300)}  #: upper edge of the brow
MARGINS = {
    "lip_upper": LIP_UPPER,
    "lip_lower": LIP_LOWER,
    **{f"lid_upper_{side}": LID_UPPER[side] for side in "LR"},
    **{f"lid_lower_{side}": LID_LOWER[side] for side in "LR"},
}
