"""Where a sounding thing is: rays through its pixels, depth in metres, width, and when it is in the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seehear.acoustics.microphones import pixel_position, pixel_room
from seehear.types import Box, DepthMap, Direction, FloatArray, Image, Region, Trajectory
from seehear.vision.camera import Camera, camera_for, region_direction, region_extent
from seehear.vision.depth import depth_to_distance_m, distance_from_size_m, region_depth, surface_depth
from seehear.vision.egomotion import NO_PATH, CameraPath
from seehear.vision.tracking import Track, smooth, stands_still
from seehear.vocabulary import Concept

MAX_TEXTURE_EXTENT_RAD = math.radians(140)
"""Seen water or trees sound as wide as they look, but what is before us never surrounds us."""
STILL_SHARE = 0.01
"""What stays within this share of the picture's width stands still."""
METRIC_RANGE_M = (0.5, 1000.0)
"""Measured distances are kept within this: nearer nothing gets louder, farther nothing is heard."""
WIDE_RAD = math.radians(30)
"""A texture that is typically at least so wide is a surface, not a thing."""


@dataclass(frozen=True)
class Place:
    """Position over time, angular width, presence and outline of a sounding thing."""

    trajectory: Trajectory
    extent_rad: float
    active_s: tuple[float, float] = (0.0, math.inf)
    """From its entry to its exit; an infinite end lasts as long as the scene."""
    box: Box | None = None
    """At the reference frame, in its pixels; None for what is all around."""
    polygon: tuple[tuple[float, float], ...] | None = None


SURROUND = Place(Trajectory.fixed(Direction(0.0), 1.0), 2 * math.pi)
"""All around the listener."""


@dataclass(frozen=True)
class Geometry:
    """How the picture was taken, and the metres that its depth stands for."""

    fov_rad: float | None = None
    """Horizontal field of view; None takes EXIF or 60 degrees."""
    equirectangular: bool = False
    near_m: float = 1.5
    far_m: float = 40.0
    pixels: tuple[int, int] | None = None
    """Width and height of the original picture for the geometry of SEE-2-SOUND's appendix E, in which pixels are metres."""

    def camera(self, image: Image) -> Camera:
        return camera_for(image, self.fov_rad, self.equirectangular)


@dataclass(frozen=True)
class Surveyor:
    """Places regions of one picture size: its camera, its depth, and the mapping to metres."""

    camera: Camera
    depth: DepthMap
    geometry: Geometry
    reference_s: float
    """Time of the frame that depth and outlines belong to."""
    path: CameraPath = NO_PATH
    """How the camera moved."""

    def region(self, region: Region, concept: Concept) -> Place:
        """The place of something that stays where it is."""
        if self.geometry.pixels is not None:
            return self._in_pixels(self.geometry.pixels, region)
        trajectory = Trajectory.fixed(region_direction(self.camera, region), self.distance_m(region, concept))
        return Place(trajectory, self._extent(region, concept), box=region.box, polygon=region.polygon)

    def point(self, point: tuple[float, float], region: Region, concept: Concept) -> Place:
        """The place of something at a fraction of the picture: the ray is exact, ``region`` tells distance and outline."""
        x, y = point[0] * self.camera.width_px, point[1] * self.camera.height_px
        if self.geometry.pixels is not None:
            return self._in_pixels(self.geometry.pixels, region, (x, y))
        ray = Direction.of(self.camera.rays(np.array([[x, y]]))[0])
        trajectory = Trajectory.fixed(ray, self.distance_m(region, concept))
        return Place(trajectory, self._extent(region, concept), box=region.box, polygon=region.polygon)

    def track(self, track: Track, concept: Concept, span_s: tuple[float, float]) -> Place:
        """The place of something that moves; it enters and leaves if it was not seen at the ends of ``span_s``."""
        if self.geometry.pixels is not None:
            return self._in_pixels(self.geometry.pixels, track.region_at(self.reference_s))
        times = np.asarray(track.times_s, dtype=float)
        vectors = self._directions(track)
        log_m = np.log([self.distance_m(region, concept) for region in track.regions])
        if len(vectors) == 1:
            trajectory = Trajectory(times[:1], vectors, np.exp([float(np.median(log_m))]))
        else:
            # Depth comes from the reference frame only, so distance may follow the apparent size but not jump with it.
            trajectory = Trajectory(times, vectors, np.exp(smooth(times, log_m, window_s=1.5)))
        shown = track.region_at(self.reference_s)
        step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        start = 0.0 if times[0] <= span_s[0] + 1.01 * step else float(times[0] - 0.5 * step)
        stop = math.inf if times[-1] >= span_s[1] - 1.01 * step else float(times[-1] + 0.5 * step)
        return Place(trajectory, self._extent(shown, concept), (start, stop), shown.box, shown.polygon)

    def _directions(self, track: Track) -> FloatArray:
        """Unit vectors (K, 3) to a track at its sightings, relative to the camera; (1, 3) when nothing moves.

        What stands still in the world has one place there, the median of its sightings with the camera's motion taken
        out, and moves in the picture only as the camera makes it; anything else is smoothed.
        """
        times = np.asarray(track.times_s, dtype=float)
        vectors = np.array([region_direction(self.camera, region).vector for region in track.regions])
        width, height = self.camera.width_px, self.camera.height_px
        points = self.camera.project(vectors)
        if self.camera.equirectangular:
            points[:, 0] = np.unwrap(points[:, 0], period=width)
        back = [self.path.between(float(time_s), self.reference_s) for time_s in times]
        world = np.concatenate([m.points(p[None], width, height) for m, p in zip(back, points, strict=True)])
        size = float(np.median([np.hypot(r.box[2] - r.box[0], r.box[3] - r.box[1]) for r in track.regions]))
        least = STILL_SHARE * width
        if stands_still(times, world, size, least):
            middle = np.median(world, axis=0)[None]
            points = np.concatenate([m.inverse().points(middle, width, height) for m in back])
            if np.linalg.norm(np.ptp(points, axis=0)) <= least:
                points = np.median(points, axis=0)[None]
            return self.camera.rays(points)
        vectors = smooth(times, vectors)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def distance_m(self, region: Region, concept: Concept) -> float:
        """Distance of a region: near * (far / near) ** depth, halved in log with the size cue where the concept has a body.

        The size cue needs one whole thing in the region, so it only counts for events and narrow textures (a car); a wide
        texture is a surface that recedes. Nothing leaves near..far. Metric depth is believed instead: it needs no size
        cue, and near..far, which say what relative depth means, do not bound it.
        """
        near, far = self.geometry.near_m, self.geometry.far_m
        is_wide = concept.kind != "event" and concept.extent_rad >= WIDE_RAD
        depth = surface_depth(self.depth, region, near, far) if is_wide else region_depth(self.depth, region)
        if self.depth.metric:
            return float(np.clip(depth / self._slant(region), *METRIC_RANGE_M))
        distance = float(depth_to_distance_m(np.array(depth), near, far))
        if concept.size_m is not None and not is_wide:
            distance = math.sqrt(distance * distance_from_size_m(self.camera, region.box, concept.size_m))
        return float(np.clip(distance, near, far))

    def _slant(self, region: Region) -> float:
        """Cosine between the ray to a region and the camera's axis, along which metric depth is measured."""
        if self.camera.equirectangular:
            return 1.0
        axis = self.camera.rays(np.array([[self.camera.width_px / 2, self.camera.height_px / 2]]))[0]
        return max(float(region_direction(self.camera, region).vector @ axis), 0.1)

    def _in_pixels(self, pixels: tuple[int, int], region: Region, point: tuple[float, float] | None = None) -> Place:
        """The place (x, y, z) of section 2.1 in the room of appendix E: the middle of the box, or ``point``, and relative
        depth; it stands still (the paper moves nothing) and has no width."""
        x0, y0, x1, y1 = region.box
        column, row = ((x0 + x1) / 2, (y0 + y1) / 2) if point is None else point
        depth = region_depth(self.depth, region) / (float(self.depth.depth.max()) if self.depth.metric else 1.0)
        scale = pixels[0] / self.camera.width_px
        position_m = pixel_position(pixel_room(*pixels), scale * column, scale * row, depth)
        distance_m = max(float(np.linalg.norm(position_m)), 0.01)
        direction = Direction.of(position_m) if position_m.any() else Direction(0.0)
        return Place(Trajectory.fixed(direction, distance_m), 0.0, box=region.box, polygon=region.polygon)

    def _extent(self, region: Region, concept: Concept) -> float:
        if concept.kind == "event":
            return 0.0
        return min(max(region_extent(self.camera, region), 0.5 * concept.extent_rad), MAX_TEXTURE_EXTENT_RAD)
