"""Bodies of rounded parts, ray-cast: which part is seen in each pixel, how near, how it faces."""

import math

import numba
import numpy as np

kernel = numba.njit(nogil=True, cache=True)  # compiled once and kept on the disk

# The columns of a part, f64[p COLUMNS], in metres of the body: x to the side, y up, z to the front.
A, B = 0, 3  # its two ends, x y z each
RADIUS_A, RADIUS_B = 6, 7
FRONT = 8  # x y z: the direction that its depth is measured in
FLAT = 11  # its depth over its width
SQUASH = 12  # how much flatter than half spheres its ends are
CLOTH, OTHER = 13, 14  # materials
CUT = 15  # metres from A, from which on it is OTHER
OPEN = 16  # half the angle at the front in which it is OTHER, radians
ROLE = 17  # one of the roles below
LOW, HIGH = 18, 19  # metres from A between which there is anything
BLEND = 20  # metres over which it melts into its neighbours
STRAP, STRAPS = 21, 22  # material of straps over it, and which: one of the straps below
START = 23  # metres of the pattern at A
COLUMNS = 24

LIMB, HEAD, GONE = 0, 1, 2  # roles
NO_STRAP, BACKPACK, SLING_LEFT, SLING_RIGHT, SCARF, BELT = range(6)  # straps

# What is known of a pixel, f32[h w SEEN]
DEPTH, NORMAL, PART, AROUND, ALONG, ACROSS = 0, 1, 4, 5, 6, 7
SEEN = 8
NOTHING = -1e3  # the depth where nothing is


@kernel
def _frame(part, front, out):
    """Rows of the part's own axes: across, along, to the front, scaled so that it is round."""
    length = 0.0
    for i in range(3):
        out[1, i] = part[B + i] - part[A + i]
        length += out[1, i] ** 2
    length = math.sqrt(length)
    if length < 1e-6:
        out[1, 0], out[1, 1], out[1, 2] = 0.0, 1.0, 0.0
    else:
        for i in range(3):
            out[1, i] /= length
    x = out[1, 1] * front[2] - out[1, 2] * front[1]
    y = out[1, 2] * front[0] - out[1, 0] * front[2]
    z = out[1, 0] * front[1] - out[1, 1] * front[0]
    size = max(1e-9, math.sqrt(x * x + y * y + z * z))
    out[0, 0], out[0, 1], out[0, 2] = x / size, y / size, z / size
    out[2, 0] = out[0, 1] * out[1, 2] - out[0, 2] * out[1, 1]
    out[2, 1] = out[0, 2] * out[1, 0] - out[0, 0] * out[1, 2]
    out[2, 2] = out[0, 0] * out[1, 1] - out[0, 1] * out[1, 0]
    for i in range(3):
        out[1, i] *= part[SQUASH]
        out[2, i] /= part[FLAT]
    return length


@kernel
def _hit(ox, oy, oz, dx, dy, dz, length, ra, rb):
    """Where a ray meets a cone with round ends from 0 to (0, length, 0): (distance, normal).

    The distance is negative where it misses. After I. Quilez, "Round cone - intersection".
    """
    rr = ra - rb
    m0, m1, m2 = length * length, length * oy, length * dy
    m3 = ox * dx + oy * dy + oz * dz
    m5 = ox * ox + oy * oy + oz * oz
    d2 = m0 - rr * rr
    if d2 > 1e-9:
        k2 = d2 - m2 * m2
        k1 = d2 * m3 - m1 * m2 + m2 * rr * ra
        k0 = d2 * m5 - m1 * m1 + m1 * rr * ra * 2.0 - m0 * ra * ra
        h = k1 * k1 - k0 * k2
        if h < 0.0:
            return -1.0, 0.0, 0.0, 0.0
        if abs(k2) > 1e-12:
            t = (-math.sqrt(h) - k1) / k2
            y = m1 - ra * rr + t * m2
            if 0.0 < y < d2:
                nx, ny, nz = d2 * (ox + t * dx), d2 * (oy + t * dy) - length * y, d2 * (oz + t * dz)
                return t, nx, ny, nz
    b = oy - length
    m6, m7 = ox * dx + b * dy + oz * dz, ox * ox + b * b + oz * oz
    h1, h2 = m3 * m3 - m5 + ra * ra, m6 * m6 - m7 + rb * rb
    t1 = -m3 - math.sqrt(h1) if h1 > 0.0 else 1e9
    t2 = -m6 - math.sqrt(h2) if h2 > 0.0 else 1e9
    if min(t1, t2) > 1e8:
        return -1.0, 0.0, 0.0, 0.0
    if t1 < t2:
        return t1, ox + t1 * dx, oy + t1 * dy, oz + t1 * dz
    return t2, ox + t2 * dx, b + t2 * dy, oz + t2 * dz


@kernel
def _write(seen, z, n, number, around, along, across, blend):
    """Put a surface into a pixel, before or behind what is there, melting over `blend` metres."""
    before = seen[DEPTH]
    if z < before - blend:
        return
    share = 1.0
    if before > NOTHING and z < before + blend:
        share = 0.5 + 0.5 * (z - before) / blend
    if before > NOTHING:
        seen[DEPTH] = share * z + (1 - share) * before + blend * share * (1 - share) * 0.5
    else:
        seen[DEPTH] = z
    for i in range(3):
        seen[NORMAL + i] = share * n[i] + (1 - share) * seen[NORMAL + i]
    if share >= 0.5:
        seen[PART], seen[AROUND], seen[ALONG], seen[ACROSS] = number, around, along, across


@kernel
def _part(part, number, front, foot, scale, seen):
    """Ray-cast one part, which is given in the camera's axes, into all pixels that it may fill."""
    axes, n = np.empty((3, 3)), np.empty(3)
    length = _frame(part, front, axes)
    high, wide = seen.shape[:2]
    reach = max(part[RADIUS_A], part[RADIUS_B]) * max(1.0, part[FLAT], 1.0 / part[SQUASH])
    left = max(0, int(foot[0] + scale * (min(part[A], part[B]) - reach)))
    right = min(wide, int(foot[0] + scale * (max(part[A], part[B]) + reach)) + 2)
    top = max(0, int(foot[1] - scale * (max(part[A + 1], part[B + 1]) + reach)))
    bottom = min(high, int(foot[1] - scale * (min(part[A + 1], part[B + 1]) - reach)) + 2)
    dx, dy, dz = -axes[0, 2], -axes[1, 2], -axes[2, 2]
    stretch = math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / stretch, dy / stretch, dz / stretch
    tall = length * part[SQUASH]
    far = 4.0
    for row in range(top, bottom):
        py = (foot[1] - row - 0.5) / scale - part[A + 1]
        for column in range(left, right):
            px = (column + 0.5 - foot[0]) / scale - part[A]
            pz = far - part[A + 2]
            ox = axes[0, 0] * px + axes[0, 1] * py + axes[0, 2] * pz
            oy = axes[1, 0] * px + axes[1, 1] * py + axes[1, 2] * pz
            oz = axes[2, 0] * px + axes[2, 1] * py + axes[2, 2] * pz
            t, nx, ny, nz = _hit(ox, oy, oz, dx, dy, dz, tall, part[RADIUS_A], part[RADIUS_B])
            if t < 0.0:
                continue
            z = far - t / stretch
            if z < seen[row, column, DEPTH] - part[BLEND]:
                continue
            x, y, w = ox + t * dx, (oy + t * dy) / part[SQUASH], oz + t * dz
            if y < part[LOW] or y > part[HIGH]:
                continue
            size = 0.0
            for i in range(3):
                n[i] = axes[0, i] * nx + axes[1, i] * ny + axes[2, i] * nz
                size += n[i] * n[i]
            size = max(1e-12, math.sqrt(size))
            for i in range(3):
                n[i] /= size
            _write(seen[row, column], z, n, number, math.atan2(x, w), y, x, part[BLEND])


@kernel
def cast(parts, yaw, pitch, distance, foot, scale, seen):
    """Ray-cast a body into what is seen.

    Args:
        parts: f64[p COLUMNS], in the body's axes.
        yaw: radians that the body is turned by, 0 to the camera.
        pitch: radians that the camera looks down by.
        distance: metres from the camera, for perspective.
        foot: f64[2], column and row of the point between the feet.
        scale: pixels of a metre.
        seen: f32[h w SEEN], filled in; its DEPTH is NOTHING where nothing is.
    """
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    turned, front = np.empty(COLUMNS), np.empty(3)
    for number in range(len(parts)):
        part = parts[number]
        if part[ROLE] == GONE:
            continue
        turned[:] = part
        for at in (A, B, FRONT):
            x = cy * part[at] + sy * part[at + 2]
            z = cy * part[at + 2] - sy * part[at]
            y = cp * part[at + 1] - sp * z
            z = sp * part[at + 1] + cp * z
            if at == FRONT:
                front[0], front[1], front[2] = x, y, z
                continue
            nearer = distance / max(0.5, distance - (z - 0.9 * sp))
            turned[at], turned[at + 1], turned[at + 2] = x * nearer, y * nearer, z
            turned[RADIUS_A if at == A else RADIUS_B] *= nearer
        _part(turned, number, front, foot, scale, seen)
