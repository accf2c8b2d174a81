"""Street scenes drawn by numpy and OpenCV, annotated like Cityscapes."""

from seglab.data.scenes.scene import Scene, draw_scene

__all__ = ["Scene", "draw_scene"]
