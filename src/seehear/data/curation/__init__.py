"""Curation: from panoramic videos with first-order ambisonics to clips that a model can learn from (section 4 of ViSAGe).

Every stage is a pure function that gives what goes on, or a `records.Reject` with its reason. Most take a record and give one;
`sounding_windows` cuts a film into many, `selected` sees all windows of a film at once, `relevant` a score:

====================  ========================================  =============================================================
stage                 file: function                            what it turns away
====================  ========================================  =============================================================
read                  films: open_film                what cannot be read, is no panorama, has no sound field, is short
order                 sound: with_ambix_levels                  levels of FuMa or N3D, whatever the file says
channels              sound: with_all_channels                  a channel that is missing (1e-20 in any second)
windows               sound: sounding_windows                   5 s with 3 s of valid sound or less
labels                selection: selected                       windows in which no kind of sound is recognised; their overlaps
direction             aiming: aimed                             sound that comes from everywhere alike
relevance             relevance: relevant                       pictures that do not fit their sound (below mean - 1 sigma)
====================  ========================================  =============================================================

`running` does them for many videos, counted and resumable. Stages that need a model take it as a callable.
"""
