"""Readings as tables: one row for each face, in mien's columns or in those of OpenFace and py-feat.

A picture without a face is one row whose `score` is NaN. What a reader does not measure is NaN, never 0.

====================  ======================================================================================================
`file, frame, time`   the path as it was given; the frame's number from 0; its time in seconds (0 and 0 for a photo)
`face`                the face's number in the picture, from 0, left to right
`x, y, width, height` its box in photo pixels
`score`               that it is a face, 0..1
`pitch, yaw, roll`    degrees: + looks up, + turns to the subject's own right, + tilts clockwise as the viewer sees it
`x_0..x_67, y_0..`    the iBUG-68 points in photo pixels
`AU01..AU45`          intensity 0..5, the mean of both sides where a unit has sides
`AU01L, AU01R..`      each side; left and right are the subject's
`neutral..contempt`   scores of the emotions, 0..1
====================  ======================================================================================================

Readers that say whether a unit is there, and readers of several readers, have more columns behind these, in all of their tables alike:

====================  ======================================================================================================
`AU12_p, AU12_c`      probability that the unit is there, 0..1; 1 where that reaches the unit's threshold, else 0
`AU12_p_sd`           standard deviation of the probability between the readers of an ensemble
`AU12_sd, AU12L_sd`   standard deviation of the intensity between them, the mean of both sides where a unit has sides
====================  ======================================================================================================
"""

from mien.tables.dialects import DIALECTS, table
from mien.tables.files import check_target, to_json, write, writing
from mien.tables.own import AU_COLUMNS, COLUMNS, LANDMARK68, Row

__all__ = ["AU_COLUMNS", "COLUMNS", "DIALECTS", "LANDMARK68", "Row", "check_target", "table", "to_json", "write", "writing"]
