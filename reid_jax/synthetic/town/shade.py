"""The colour of a ray-cast body: cloth, creases, sky and sun, and what shades itself."""

import math

import numpy as np

import reid_jax.synthetic.town.raster as raster
from reid_jax.synthetic.town.raster import kernel

# The columns of a material, f64[m MATERIAL]
PATTERN = 0
COLOURS = 1  # three colours, RGB in [0, 1]
PERIOD, SHARE, PHASE = 10, 11, 12  # of the pattern: metres, share of the second colour, metres
CREASE, SHINE, GRAIN = 13, 14, 15  # depth of creases, gloss, fine noise
PRINT, PRINT_AT, PRINT_HALF, PRINT_TALL = 16, 17, 18, 19  # a print: 0 none, 1 front, 2 back, 3 both
FADE, FOLDS, NUMBER = 20, 21, 22  # faded at the thigh; how long creases are; its random number
MATERIAL = 23
PLAIN, RINGS, PALES, CHECKS, DOTS, BLOTS, BLOCK, SLANT, FADING, SIDE = range(10)  # patterns

# The columns of a light
UP, SUN, SKY, WARM, GROUND, SHADE = 0, 3, 6, 9, 12, 15  # two directions, three colours, the depth
LIGHT = 16


@kernel
def _hash(x, y, number):
    n = (x * 374761393 + y * 668265263 + number * 2147483647) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@kernel
def noise(x, y, number):
    """Smooth noise in [0, 1] over the plane, with bumps about one wide."""
    i, j = math.floor(x), math.floor(y)
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    top = _hash(i, j, number) * (1 - u) + _hash(i + 1, j, number) * u
    low = _hash(i, j + 1, number) * (1 - u) + _hash(i + 1, j + 1, number) * u
    return top * (1 - v) + low * v


@kernel
def _pattern(m, x, y):
    """How much of the second and of the third colour a place of a cloth has."""
    kind, period, share = int(m[PATTERN]), m[PERIOD], m[SHARE]
    number = int(m[NUMBER])
    a, b = (x + m[PHASE]) / period, (y + m[PHASE]) / period
    if kind == RINGS:
        return 1.0 if b - math.floor(b) < share else 0.0, 0.0
    if kind == PALES:
        return 1.0 if a - math.floor(a) < share else 0.0, 0.0
    if kind == CHECKS:
        one = 0.5 if a - math.floor(a) < share else 0.0
        two = 0.5 if b - math.floor(b) < share else 0.0
        thin = a + 0.31 - math.floor(a + 0.31) < 0.1 or b + 0.31 - math.floor(b + 0.31) < 0.1
        return one + two, 0.7 if thin else 0.0
    if kind == DOTS:
        b2 = b - math.floor(b) - 0.5
        a += 0.5 * (math.floor(b) & 1)
        a2 = a - math.floor(a) - 0.5
        return 1.0 if a2 * a2 + b2 * b2 < 0.35 * share else 0.0, 0.0
    if kind == BLOTS:
        one = noise(a * 1.7, b * 1.7, number)
        two = noise(a * 2.3 + 9.0, b * 2.3, number + 1)
        return 1.0 if one < share else 0.0, 1.0 if two < 0.3 else 0.0
    if kind == BLOCK:
        return 1.0 if y > period * 3 * share + 0.1 else 0.0, 0.0
    if kind == SLANT:
        c = a + b
        return 1.0 if c - math.floor(c) < share else 0.0, 0.0
    if kind == FADING:
        return min(1.0, max(0.0, y * 2.0)), 0.0
    if kind == SIDE:
        return 0.0, 0.0
    return 0.0, 0.0


@kernel
def _dye(m, x, y, around, width, torso, out):
    """The colour of a place of a cloth: x around and y along it in metres."""
    second, third = _pattern(m, x, y)
    if m[PATTERN] == SIDE and abs(abs(around) - 1.57) < 0.3 + m[SHARE]:
        second = 1.0
    for i in range(3):
        c = m[COLOURS + i] * (1 - second) + m[COLOURS + 3 + i] * second
        out[i] = c * (1 - third) + m[COLOURS + 6 + i] * third
    if torso and m[PRINT] > 0:
        back = abs(around) > 1.57
        if m[PRINT] == 3 or (m[PRINT] == 2) == back:
            dx, dy = width / m[PRINT_HALF], (y - m[PRINT_AT]) / m[PRINT_TALL]
            number = int(m[NUMBER])
            if (number & 1 and dx * dx + dy * dy < 1) or (
                not number & 1 and abs(dx) < 1 and abs(dy) < 1
            ):
                strength = noise(dx * 3 + 5, dy * (2 + number % 5), number)
                if strength > 0.35:
                    at = COLOURS + (6 if strength < 0.75 else 3)
                    for i in range(3):
                        out[i] = m[at + i]
    if m[FADE] > 0:
        lift = m[FADE] * max(0.0, 1 - abs(around) * 0.9) * (0.6 + 0.4 * noise(x * 12, y * 5, 3))
        for i in range(3):
            out[i] += (0.75 - out[i]) * lift


@kernel
def _material(part, around, along, across, ny):
    """Which material a place of a part has."""
    if part[raster.ROLE] == raster.HEAD:
        radius = part[raster.RADIUS_A]
        up = (along * part[raster.SQUASH]) / radius
        side = across / radius
        round_ = math.sqrt(max(0.0, 1 - min(1.0, up * up + side * side)))
        ahead = round_ if abs(around) < 1.5708 else -round_
        return (
            part[raster.OTHER]
            if ahead < part[raster.OPEN] + part[raster.CUT] * up
            else part[raster.CLOTH]
        )
    straps = part[raster.STRAPS]
    if straps == raster.BACKPACK and abs(around) < 1.7:
        if abs(abs(across) - 0.115) < 0.022 and along > 0.1:
            return part[raster.STRAP]
    elif straps == raster.SLING_LEFT or straps == raster.SLING_RIGHT:
        side = across if straps == raster.SLING_LEFT else -across
        if abs(around) > 1.5708:
            side = side * 1.0
        if abs(side - (along - 0.25) * 0.8) < 0.02:
            return part[raster.STRAP]
    elif straps == raster.BELT and abs(along - 0.02) < 0.02:
        return part[raster.STRAP]
    if along > part[raster.CUT] or abs(around) < part[raster.OPEN]:
        return part[raster.OTHER]
    return part[raster.CLOTH]


@kernel
def _closed(seen, row, column, scale):
    """How open the sky is above a pixel, 0 to 1, from the depths around it."""
    hidden, high, wide = 0.0, seen.shape[0], seen.shape[1]
    near = max(1, int(0.06 * scale))
    for dy in (-near, 0, near):
        for dx in (-near, 0, near):
            y, x = row + dy, column + dx
            if 0 <= y < high and 0 <= x < wide:
                step = seen[y, x, raster.DEPTH] - seen[row, column, raster.DEPTH]
                if step > 0.02:
                    hidden += min(1.0, (step - 0.02) * 12)
    return 1 - 0.09 * hidden


@kernel
def _sunlit(seen, row, column, scale, light):
    """Whether the sun reaches a pixel, 0 or 1."""
    high, wide = seen.shape[:2]
    z = seen[row, column, raster.DEPTH]
    for step in (0.04, 0.08, 0.14, 0.22, 0.32):
        y, x = row - int(step * light[SUN + 1] * scale), column + int(step * light[SUN] * scale)
        if 0 <= y < high and 0 <= x < wide:
            over = seen[y, x, raster.DEPTH] - (z + step * light[SUN + 2])
            if 0.02 < over < 0.6:
                return 0.0
    return 1.0


@kernel
def paint(seen, parts, materials, light, scale, image):
    """Colour what is seen.

    Args:
        seen: f32[h w raster.SEEN].
        parts: f64[p raster.COLUMNS].
        materials: f64[m MATERIAL].
        light: f64[LIGHT].
        scale: pixels of a metre.
        image: f32[h w 4], filled in: linear RGB, and 1 where there is a body.
    """
    dye, n = np.empty(3), np.empty(3)
    high, wide = seen.shape[:2]
    for row in range(high):
        for column in range(wide):
            one = seen[row, column]
            if one[raster.DEPTH] <= raster.NOTHING:
                continue
            part = parts[int(one[raster.PART])]
            around, along, across = one[raster.AROUND], one[raster.ALONG], one[raster.ACROSS]
            m = materials[int(_material(part, around, along, across, one[raster.NORMAL + 1]))]
            radius = 0.5 * (part[raster.RADIUS_A] + part[raster.RADIUS_B])
            x = around * radius
            torso = radius > 0.1 and part[raster.ROLE] == raster.LIMB
            _dye(m, x, along + part[raster.START], around, across, torso, dye)
            folds, number = m[FOLDS], int(m[NUMBER])
            here = noise(x * folds, along * folds * 0.6, number)
            there = noise((x + 0.02) * folds, (along + 0.02) * folds * 0.6, number)
            relief = m[CREASE] * (there - here)
            grain = 1 + m[GRAIN] * (_hash(int(x * 150), int(along * 150), number) - 0.5)
            size = 0.0
            for i in range(3):
                n[i] = one[raster.NORMAL + i]
                size += n[i] * n[i]
            size = max(1e-9, math.sqrt(size))
            up, sun = 0.0, 0.0
            for i in range(3):
                up += n[i] * light[UP + i] / size
                sun += n[i] * light[SUN + i] / size
            sky = (0.5 + 0.5 * up) * (_closed(seen, row, column, scale))
            sun = max(0.0, sun + 0.7 * relief)
            if sun > 0:
                lit = _sunlit(seen, row, column, scale, light)
                sun *= 1 - light[SHADE] * (1 - lit)
            gloss = m[SHINE] * max(0.0, sun + 0.3 * relief) ** 12
            fold = max(0.2, 1 + relief)
            for i in range(3):
                lamp = light[SKY + i] * sky * fold + light[WARM + i] * sun
                lamp += light[GROUND + i] * (0.5 - 0.5 * up)
                image[row, column, i] = dye[i] * grain * lamp + gloss * light[WARM + i]
            image[row, column, 3] = 1.0
