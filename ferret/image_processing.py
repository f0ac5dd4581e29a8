"""From pictures to the pixel values that a vision encoder takes.

The released recipe (ferret-spec 1.5), at any size and with any mean and deviation: the whole picture is warped to the
encoder's size, neither cropped nor padded, by Pillow's bicubic filter on 8-bit values, then scaled to 0..1 and
normalised. Regions keep their relative position that way, so nothing needs to be mapped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers.image_processing_backends import PilBackend

from ferret.images import load_image, warp_image

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class FerretImageProcessor(PilBackend):
    """Warps pictures to `size` and normalises them; by default for CLIP-ViT-L/14-336, as the released Ferret.

    `FerretImageProcessor(size={"height": 224, "width": 224}, image_mean=[0.5] * 3, image_std=[0.5] * 3)` serves another
    encoder. Pictures given as PIL images, bytes or paths of files are read by `ferret.images.load_image`; arrays and
    tensors are taken as transformers takes them.
    """

    model_input_names = ["pixel_values"]  # noqa: RUF012 - the name and the type are those of transformers
    size = {"height": 336, "width": 336}  # noqa: RUF012
    resample = Image.Resampling.BICUBIC
    image_mean = CLIP_MEAN
    image_std = CLIP_STD
    do_resize = True
    do_rescale = True
    do_normalize = True
    do_convert_rgb = True

    def process_image(
        self, image: Any, do_convert_rgb: bool | None = None, input_data_format: Any = None, **kwargs: Any
    ) -> NDArray[Any]:
        """One picture as channels, rows, columns; PIL images turned upright and made RGB as everywhere in Ferret."""
        if isinstance(image, Image.Image):
            return np.moveaxis(np.asarray(load_image(image)), -1, 0)
        array: NDArray[Any] = super().process_image(image, do_convert_rgb, input_data_format, **kwargs)
        return array

    def resize(
        self, image: NDArray[Any], size: Any, resample: Any = None, reducing_gap: int | None = None, **kwargs: Any
    ) -> NDArray[Any]:
        """Warp a picture [C, H, W]; 8-bit colours by `warp_image`, so that no Pillow version shows."""
        warped = image.dtype == np.uint8 and image.shape[0] == 3 and size.height and size.width
        if warped and resample == Image.Resampling.BICUBIC:
            picture = Image.fromarray(np.ascontiguousarray(np.moveaxis(image, 0, -1)))
            return np.moveaxis(np.asarray(warp_image(picture, size.width, size.height)), -1, 0)
        array: NDArray[Any] = super().resize(image, size, resample, reducing_gap, **kwargs)
        return array

    def fetch_images(self, image_url_or_urls: Any) -> Any:
        """Read what is a path; nothing is fetched over the network.

        Raises:
            ImageError: a path is a URL or leads to no image.
        """
        if isinstance(image_url_or_urls, list | tuple):
            return [self.fetch_images(image) for image in image_url_or_urls]
        return load_image(image_url_or_urls) if isinstance(image_url_or_urls, str) else image_url_or_urls
