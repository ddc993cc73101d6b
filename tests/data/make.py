"""Makes the files of this folder with NumPy, Pillow and Python's own tarfile and gzip: python3 make.py OUTDIR."""

import csv, gzip, io, json, os, struct, sys, tarfile

import numpy as np
from PIL import Image

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(8)
path = lambda *parts: os.path.join(out, *parts)


def pictures(n, h=8, w=8, c=None):
    return rng.integers(0, 256, (n, h, w) if c is None else (n, h, w, c), dtype=np.uint8)


# As Keras' mnist.npz, and as MedMNIST's (packed, labels [N, 1]).
x = pictures(6)
np.savez(path("keras.npz"), x_test=pictures(2), x_train=x, y_train=np.array([5, 0, 4, 1, 9, 2], np.uint8), y_test=np.zeros(2))
rgb = pictures(5, c=3)
np.savez_compressed(
    path("medmnist.npz"), train_images=rgb, train_labels=np.array([[3], [1], [1], [7], [3]]), val_images=pictures(2, c=3)
)
# Floats in [0, 1], channels first, and in [-1, 1]; each with the bytes that they stand for.
os.makedirs(path("floats"), exist_ok=True)
np.save(path("floats", "images.npy"), rgb.transpose(0, 3, 1, 2).astype(np.float32) / 255)
np.save(path("floats", "labels.npy"), np.array([1, 2, 1, 2, 1], np.int64))
np.save(path("signed.npy"), x.astype(">f8") / 127.5 - 1)
np.save(path("half.npy"), (x / 255).astype(np.float16))
np.save(path("fortran.npy"), np.asfortranarray(x))
x.tofile(path("x.bytes"))
rgb.tofile(path("rgb.bytes"))

# CIFAR's binary batches: a folder, and the archive.
def batch(n, labels):
    return b"".join(bytes(l) + pictures(3, 32, 32).tobytes() for l in labels[:n])


ten = {"data_batch_1.bin": batch(2, [[1], [0]]), "data_batch_2.bin": batch(1, [[1]]), "test_batch.bin": batch(1, [[0]])}
ten["batches.meta.txt"] = b"airplane\nautomobile\n\n"
os.makedirs(path("cifar-10"), exist_ok=True)
for name, data in ten.items():
    open(path("cifar-10", name), "wb").write(data)
hundred = {"coarse_label_names.txt": b"fish\nfruit\n", "fine_label_names.txt": b"apple\ncod\npear\n"}
hundred |= {"test.bin": batch(1, [[0, 1]]), "train.bin": batch(3, [[1, 2], [0, 1], [1, 0]])}
with tarfile.open(path("cifar-100.tar.gz"), "w:gz") as archive:
    for name, data in hundred.items():
        info = tarfile.TarInfo("cifar-100-binary/" + name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))

# EMNIST's letters, in a gzip file of two members.
idx = lambda dims, data: bytes([0, 0, 8, len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + data
letters = pictures(3, 4, 4)
whole = idx((3, 4, 4), letters.transpose(0, 2, 1).tobytes())
os.makedirs(path("emnist"), exist_ok=True)
open(path("emnist", "emnist-letters-train-images-idx3-ubyte.gz"), "wb").write(gzip.compress(whole[:30]) + gzip.compress(whole[30:]))
gzip.open(path("emnist", "emnist-letters-train-labels-idx1-ubyte.gz"), "wb").write(idx((3,), bytes([26, 1, 26])))
letters.tofile(path("letters.bytes"))

# One picture in every format and mode: dark left half, light right half; red above where there is colour.
def halves(mode):
    grey = Image.new("L", (16, 16), 40)
    grey.paste(200, (8, 0, 16, 16))
    if mode in ("L", "1", "I;16", "LA"):
        return {"L": grey, "1": grey.convert("1", dither=0), "LA": grey.convert("LA"), "I;16": Image.fromarray(np.array(grey).astype(np.uint16) * 257)}[mode]
    picture = Image.merge("RGB", [grey, grey, grey])
    picture.paste((220, 20, 20), (0, 0, 16, 4))
    return picture.convert(mode)


os.makedirs(path("formats"), exist_ok=True)
for name, mode, options in [
    ("grey.png", "L", {}), ("one-bit.png", "1", {}), ("sixteen-bit.png", "I;16", {}), ("grey-alpha.png", "LA", {}),
    ("palette.png", "P", {}), ("colour.png", "RGB", {}), ("alpha.png", "RGBA", {}), ("interlaced.gif", "P", {"interlace": 1}),
    ("colour.jpg", "RGB", {"quality": 95}), ("grey.jpg", "L", {"quality": 95}), ("cmyk.jpg", "CMYK", {"quality": 95}),
    ("progressive.jpg", "RGB", {"quality": 95, "progressive": True}), ("lossy.webp", "RGB", {"quality": 95}),
    ("lossless.webp", "RGBA", {"lossless": True}), ("colour.bmp", "RGB", {}), ("palette.bmp", "P", {}),
    ("colour.tif", "RGB", {}), ("lzw.tif", "RGB", {"compression": "tiff_lzw"}), ("deflate.tif", "L", {"compression": "tiff_adobe_deflate"}),
    ("cmyk.tif", "CMYK", {}), ("sixteen-bit.tif", "I;16", {}), ("colour.qoi", "RGB", {}), ("colour.ppm", "RGB", {}), ("grey.pgm", "L", {}),
]:
    halves(mode).save(path("formats", name), **options)
frames = [halves("RGB"), Image.new("RGB", (16, 16), (0, 0, 255))]
frames[0].save(path("formats", "animated.gif"), save_all=True, append_images=frames[1:])
frames[0].save(path("formats", "animated.webp"), save_all=True, append_images=frames[1:], lossless=True)
# Lies on its side; the camera says so.
exif = Image.Exif()
exif[0x0112] = 6
halves("RGB").rotate(90, expand=True).save(path("formats", "turned.jpg"), quality=95, exif=exif)

# Labels beside pictures, as Python's csv module and Hugging Face's ImageFolder have them.
os.makedirs(path("labelled", "train"), exist_ok=True)
with open(path("labelled", "labels.csv"), "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["width", "file", "class"])
    for i, name in enumerate(["cat", 'the "big", bad wolf', "cat"]):
        Image.new("L", (8, 8), 50 * i).save(path("labelled", "train", f"{i}.png"))
        rows.writerow([8, f"train/{i}.png", name])
    rows.writerow([8, "train/gone.png", "cat"])
Image.new("L", (8, 8), 250).save(path("labelled", "train", "unnamed.png"))
os.makedirs(path("hugging"), exist_ok=True)
with open(path("hugging", "metadata.jsonl"), "w") as file:
    for i, label in enumerate([10, 2, 10]):
        Image.new("L", (8, 8), 50 * i).save(path("hugging", f"{i}.png"))
        file.write(json.dumps({"file_name": f"{i}.png", "label": label, "text": "grey – ☁"}) + "\n")
