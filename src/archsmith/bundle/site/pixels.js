// A picture file as uint8 values, decoded as Archsmith's Predictor decodes it: turned as its EXIF data say, without
// colour management, what is transparent laid onto white, grey by the weights 0.299, 0.587 and 0.114.

const MOST = 60_000_000; // pixels: larger ones do not fit the memory of a browser's tab
const STRIP = 2_000_000; // pixels that are looked at in one go
const AS_STORED = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

/** {data: Uint8Array (height * width * channels), height, width}. Throws an Error for what is no picture. */
export async function pixels(file, channels) {
  const bitmap = await opened(file);
  try {
    const { width, height } = bitmap;
    if (width * height > MOST) {
      throw new Error(`The picture has ${width} × ${height} pixels, more than a browser can hold. Make it smaller first.`);
    }
    const data = new Uint8Array(width * height * channels);
    const rows = Math.max(1, Math.floor(STRIP / width));
    for (let top = 0; top < height; top += rows) {
      const n = Math.min(rows, height - top);
      fill(data, top * width * channels, strip(bitmap, top, n), channels);
    }
    return { data, height, width };
  } finally {
    bitmap.close();
  }
}

async function opened(file) {
  try {
    return await createImageBitmap(file, AS_STORED); // turned as EXIF says, which is what browsers do unless told not to
  } catch {
    throw new Error(`${file.name || "The file"} is not a picture that this browser can read.`);
  }
}

/** n rows from `top` on as RGBA. A canvas holds colours times opacity, but laid onto white they come out the same. */
function strip(bitmap, top, n) {
  const context = new OffscreenCanvas(bitmap.width, n).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, -top);
  return context.getImageData(0, 0, bitmap.width, n).data;
}

/** Write RGBA as 1 or 3 channels into `data`, from `at` on, in the whole-number arithmetic of Pillow. */
function fill(data, at, rgba, channels) {
  for (let i = 0; i < rgba.length; i += 4) {
    const opacity = rgba[i + 3];
    const red = onWhite(rgba[i], opacity);
    const green = onWhite(rgba[i + 1], opacity);
    const blue = onWhite(rgba[i + 2], opacity);
    if (channels === 1) {
      data[at++] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
    } else {
      data[at++] = red;
      data[at++] = green;
      data[at++] = blue;
    }
  }
}

function onWhite(value, opacity) {
  if (opacity === 255) return value;
  const sum = ((value * opacity + 255 * (255 - opacity)) << 7) + (0x80 << 7);
  return (((sum >> 8) + sum) >> 8) >> 7;
}
