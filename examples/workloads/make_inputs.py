#!/usr/bin/env python3
"""Makes the inputs of the workloads that are no texts: cities, a day of sensors, pictures.

    python3 make_inputs.py

All of it is invented, and the same each time; only the bytes of the pictures may differ with the version of zlib.
"""
import pathlib
import random
import struct
import zlib

HERE = pathlib.Path(__file__).parent


class Chance:
    """Whole numbers from a seed."""

    def __init__(self, seed):
        self.bits = random.Random(seed)

    def within(self, least, most):
        return least + self.bits.getrandbits(32) % (most - least + 1)

    def of(self, values):
        return values[self.within(0, len(values) - 1)]


def cities(count):
    """Names and places, in kilometres; most lie near others."""
    chance = Chance(3)
    heads = "Al Ber Cor Dun El Fal Gar Hol Im Kel Lan Mor Nor Or Pel Ros Sten Tar Ul Ver Wes".split()
    tails = "bach berg by dorf feld ford ham holm mar mouth ness rod stad stein sund ton vik wald wick".split()
    centres = [(chance.within(80, 920), chance.within(80, 620)) for _ in range(14)]
    found = {}
    while len(found) < count:
        x, y = chance.of(centres) if chance.within(0, 9) < 7 else (500, 350)
        wide = 90 if (x, y) != (500, 350) else 480
        x, y = x + chance.within(-wide, wide), y + chance.within(-wide, wide)
        name = chance.of(heads) + chance.of(tails)
        if 0 <= x < 1000 and 0 <= y < 700 and name not in found and (x, y) not in found.values():
            found[name] = (x, y)
    return "".join(f"{name},{x},{y}\n" for name, (x, y) in found.items())


# Per hour of the day: what fine dust, traffic and the sun add.
DUST = [6, 5, 5, 5, 6, 9, 15, 22, 24, 18, 14, 12, 12, 12, 13, 15, 19, 24, 25, 20, 15, 11, 9, 7]
NOISE = [44, 42, 41, 41, 43, 50, 58, 64, 66, 64, 62, 62, 63, 62, 62, 64, 66, 68, 66, 62, 58, 54, 50, 47]
WARMTH = [82, 78, 75, 72, 70, 72, 80, 95, 112, 128, 142, 154, 163, 169, 172, 170, 164, 154, 141, 127, 115, 105, 96, 88]


def between(table, minute):
    """A value between those of two hours."""
    hour, past = divmod(minute, 60)
    return (table[hour] * (60 - past) + table[(hour + 1) % 24] * past) // 60


def sensors(count):
    """Stations, and what they report every ten minutes of a day. Some are broken, and there is a fire."""
    chance = Chance(11)
    streets = "Mill Quay Station Market Garden Hill Bridge Church North South School Harbour Park Tower River".split()
    kinds = "Street Square Lane Gate".split()
    stations = []
    while len(stations) < count:
        name = f"{chance.of(streets)} {chance.of(kinds)}"
        if name not in [known for known, _, _ in stations]:
            stations.append((name, chance.within(300, 9_700), chance.within(300, 6_700)))
    table = ["station,name,x,y"]
    readings = ["minute,station,dust,noise,temperature"]
    table += [f"S{number:02},{name},{x},{y}" for number, (name, x, y) in enumerate(stations, 1)]
    fire = (6_900, 4_600)
    for minute in range(0, 1440, 10):
        for number, (_, x, y) in enumerate(stations, 1):
            near = max(0, 5_000 - abs(x - 5_000) - abs(y - 3_500)) // 500
            dust = 10 * between(DUST, minute) + 12 * near + chance.within(-15, 15)
            if 780 <= minute < 960:
                away = abs(x - fire[0]) + abs(y - fire[1]) // 2
                dust += max(0, 2_600 - away) * (1 + min(minute - 780, 960 - minute) // 10) // 18
            noise = 10 * between(NOISE, minute) + 6 * near + chance.within(-40, 40)
            warmth = between(WARMTH, minute) + 2 * near + chance.within(-4, 4)
            if number == 7 and minute >= 500:
                dust, noise, warmth = 143, 611, 117  # stuck
            if number == 19 and 300 <= minute < 720:
                continue  # silent
            if number == 23 and chance.within(0, 35) == 0:
                dust += 4_000  # spikes
            if number == 12 and minute == 1_200:
                readings.append(f"{minute},S{number:02},??,61.1,10.9")  # torn on its way
                continue
            tenths = ",".join(f"{value // 10}.{value % 10}" for value in (dust, noise, warmth))
            readings.append(f"{minute},S{number:02},{tenths}")
    return "\n".join(table) + "\n", "\n".join(readings) + "\n"


def png(width, height, parts, pixel):
    """A picture from a function that gives the parts of each pixel: grey, or red, green and blue."""
    rows = (b"\0" + bytes(int(part) for x in range(width) for part in pixel(x, y)) for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[parts], 0, 0, 0)
    data = zlib.compress(b"".join(rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def landscape(seed):
    """Hills under a sky with a sun or a moon."""
    chance = Chance(seed)
    width, height = 480, 320
    top = [chance.within(20, 190) for _ in range(3)]
    low = [chance.within(120, 250) for _ in range(3)]
    sun = (chance.within(60, 420), chance.within(30, 120), chance.within(12, 34))
    hills = []
    for depth in range(4):
        heights = [chance.within(110 + 45 * depth, 175 + 45 * depth) for _ in range(9)]
        hills.append((heights, [part * (4 - depth) // 6 for part in low], chance.within(0, 30)))

    def pixel(x, y):
        for heights, colour, more in reversed(hills):
            left, past = divmod(x * 8, width)
            # a curve through the heights that is level at each
            ease = past * past * (3 * width - 2 * past)
            edge = heights[left] + (heights[left + 1] - heights[left]) * ease // width**3
            if y >= edge:
                return [min(255, part + more + (y - edge) // 8) for part in colour]
        if (x - sun[0]) ** 2 + (y - sun[1]) ** 2 < sun[2] ** 2:
            return [252, 236, 190]
        return [a + (b - a) * y // height for a, b in zip(top, low)]

    return png(width, height, 3, pixel)


def main():
    (HERE / "tour/cities.csv").write_text(cities(160))
    stations, readings = sensors(32)
    (HERE / "sensors/stations.csv").write_text(stations)
    (HERE / "sensors/readings.csv").write_text(readings)
    pictures = HERE / "images/pictures"
    pictures.mkdir(exist_ok=True)
    for seed, name in enumerate("dawn noon dusk rain frost night".split()):
        (pictures / f"{name}.png").write_bytes(landscape(seed))


if __name__ == "__main__":
    main()
