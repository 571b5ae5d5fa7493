"""Vision transformers against the published networks, written down here in torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax import encoders
from reid_jax.models import embedder, pretrained, published, vit, vit_files
from reid_jax.types import Input

torch = pytest.importorskip("torch")
nn = torch.nn
CHANNELS, BLOCKS, HEADS, PATCH = 12, 2, 3, 4
KINDS = {
    "timm": {},
    "overlapping": {"stride": 2},
    "dinov2": {"registers": 4, "scale": 1.0},
    "timm's dinov2": {"registers": 4, "scale": 1.0},
    "pass": {"registers": 3},
    "ics": {"stem": True},
    "clip": {"clip": True},
    "clip, projected": {"clip": True, "project": 5},
}


class Block(nn.Module):
    """As timm and DINOv2 have it."""

    def __init__(self, scale):
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(CHANNELS, 1e-6) for _ in range(2))
        self.attn = nn.Module()
        self.attn.qkv, self.attn.proj = (
            nn.Linear(CHANNELS, 3 * CHANNELS),
            nn.Linear(CHANNELS, CHANNELS),
        )
        self.mlp = nn.Module()
        self.mlp.fc1, self.mlp.fc2 = (
            nn.Linear(CHANNELS, 4 * CHANNELS),
            nn.Linear(4 * CHANNELS, CHANNELS),
        )
        if scale:
            self.ls1, self.ls2 = nn.Module(), nn.Module()
            self.ls1.gamma, self.ls2.gamma = (nn.Parameter(torch.rand(CHANNELS)) for _ in range(2))
        self.scale = scale

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (
            self.attn.qkv(self.norm1(x)).reshape(b, t, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4)
        )
        weight = (q @ k.transpose(-2, -1) * (c // HEADS) ** -0.5).softmax(-1)
        y = self.attn.proj((weight @ v).transpose(1, 2).reshape(b, t, c))
        x = x + (y * self.ls1.gamma if self.scale else y)
        y = self.mlp.fc2(nn.functional.gelu(self.mlp.fc1(self.norm2(x))))
        return x + (y * self.ls2.gamma if self.scale else y)


class IBN(nn.Module):
    def __init__(self):
        super().__init__()
        self.IN, self.BN = nn.InstanceNorm2d(32, affine=True), nn.BatchNorm2d(32)

    def forward(self, x):
        return torch.cat((self.IN(x[:, :32]), self.BN(x[:, 32:])), 1)


class Published(nn.Module):
    """The network of a file: timm's, DINOv2's, PASS's, TransReID-SSL's."""

    def __init__(self, kind, grid, stride=0, registers=0, scale=0.0, stem=False):
        super().__init__()
        self.kind = kind

        def token(count=1):
            return nn.Parameter(torch.randn(1, count, CHANNELS))

        self.patch_embed = nn.Module()
        if stem:
            parts = []
            for step in range(3):
                channels, side = (3, 7) if step == 0 else (64, 3)
                conv = nn.Conv2d(channels, 64, side, 2 if step == 0 else 1, side // 2, bias=False)
                parts += [conv, nn.BatchNorm2d(64) if step == 2 else IBN(), nn.ReLU()]
            self.patch_embed.conv = nn.Sequential(*parts)
            self.patch_embed.proj = nn.Conv2d(64, CHANNELS, PATCH // 2, PATCH // 2)
        else:
            self.patch_embed.conv = nn.Identity()
            self.patch_embed.proj = nn.Conv2d(3, CHANNELS, PATCH, stride or PATCH)
        self.cls_token = token()
        n = grid[0] * grid[1]
        if kind == "pass":
            self.cls_pos, self.pos_embed = token(), token(n)
            for one in (1, 2, 3):
                setattr(self, f"part_token{one}", token())
                setattr(self, f"part{one}_pos", token())
        else:
            self.pos_embed = token(n if kind == "timm's dinov2" else n + 1)
        if kind == "dinov2":
            self.register_tokens, self.mask_token = token(registers), token()
        if kind == "timm's dinov2":
            self.reg_token = token(registers)
        self.blocks = nn.ModuleList([Block(scale) for _ in range(BLOCKS)])
        self.norm, self.head = nn.LayerNorm(CHANNELS, 1e-6), nn.Linear(CHANNELS, 7)

    def forward(self, x):
        x = self.patch_embed.proj(self.patch_embed.conv(x)).flatten(2).transpose(1, 2)
        every = lambda one: one.expand(len(x), -1, -1)  # noqa: E731
        if self.kind == "pass":
            own = [self.cls_token + self.cls_pos]
            for one in (1, 2, 3):
                own.append(getattr(self, f"part_token{one}") + getattr(self, f"part{one}_pos"))
            x = torch.cat([*map(every, own), x + self.pos_embed], 1)
        elif self.kind == "timm's dinov2":
            own = every(self.cls_token), every(self.reg_token)
            x = torch.cat([*own, x + self.pos_embed], 1)
        else:
            x = torch.cat([every(self.cls_token), x], 1) + self.pos_embed
            if self.kind == "dinov2":
                x = torch.cat([x[:, :1], every(self.register_tokens), x[:, 1:]], 1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class ClipBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(CHANNELS, HEADS, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(CHANNELS), nn.LayerNorm(CHANNELS)
        self.mlp = nn.Module()
        self.mlp.c_fc, self.mlp.c_proj = (
            nn.Linear(CHANNELS, 4 * CHANNELS),
            nn.Linear(4 * CHANNELS, CHANNELS),
        )

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        y = self.mlp.c_fc(self.ln_2(x))
        return x + self.mlp.c_proj(y * torch.sigmoid(1.702 * y))


class Clip(nn.Module):
    """CLIP's visual tower, beside the first arrays of its text tower."""

    def __init__(self, grid, project):
        super().__init__()
        self.visual, self.transformer = nn.Module(), nn.Module()
        tower, n = self.visual, grid[0] * grid[1]
        tower.conv1 = nn.Conv2d(3, CHANNELS, PATCH, PATCH, bias=False)
        tower.class_embedding = nn.Parameter(torch.randn(CHANNELS))
        tower.positional_embedding = nn.Parameter(torch.randn(n + 1, CHANNELS))
        tower.ln_pre, tower.ln_post = nn.LayerNorm(CHANNELS), nn.LayerNorm(CHANNELS)
        tower.transformer = nn.Module()
        tower.transformer.resblocks = nn.ModuleList([ClipBlock() for _ in range(BLOCKS)])
        tower.proj = nn.Parameter(torch.randn(CHANNELS, 5))
        self.transformer.resblocks = nn.ModuleList([ClipBlock() for _ in range(BLOCKS)])
        self.positional_embedding = nn.Parameter(torch.randn(77, CHANNELS))
        self.project = project

    def forward(self, x):
        tower = self.visual
        x = tower.conv1(x).flatten(2).transpose(1, 2)
        first = tower.class_embedding.expand(len(x), 1, -1)
        x = tower.ln_pre(torch.cat([first, x], 1) + tower.positional_embedding)
        for block in tower.transformer.resblocks:
            x = block(x)
        x = tower.ln_post(x)
        return x @ tower.proj if self.project else x


def _pair(kind, size, tmp_path, holder=lambda state: state):
    """The published network, and ours with its file's weights."""
    torch.manual_seed(0)
    options = KINDS[kind]
    stride = options.get("stride") or PATCH
    grid = tuple((side - PATCH) // stride + 1 for side in size)
    if options.get("clip"):
        theirs = Clip(grid, options.get("project"))
    else:
        theirs = Published(kind, grid, **options)
    for name, array in theirs.state_dict().items():
        if "running" in name or ("norm" in name and "weight" in name):
            array.uniform_(0.5, 1.5)
    torch.save(holder(theirs.state_dict()), tmp_path / "weights.pth")
    return theirs.eval(), _ours(kind, size)


def _ours(kind, size):
    trunk = vit.ViT(CHANNELS, BLOCKS, HEADS, PATCH, **KINDS[kind])
    return embedder.model(embedder.Embedder(trunk, Input(size), "token", neck=False)), trunk


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_published_file_gives_the_published_tokens(kind, tmp_path):
    size = (16, 8)
    theirs, (model, trunk) = _pair(kind, size, tmp_path)
    variables, coverage = pretrained.load(tmp_path / "weights.pth", model.init(jax.random.key(1)))
    assert coverage.filled == coverage.expected and not coverage.missing
    x = np.random.default_rng(0).normal(size=(3, *size, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy()
    inside = {name: tree["trunk"] for name, tree in variables.items()}
    got = trunk.apply(inside, x, False)
    kept = [got.token[:, None], got.others, got.map.reshape(3, -1, got.map.shape[-1])]
    np.testing.assert_allclose(np.concatenate(kept, 1), wanted, atol=2e-5)


def test_the_teacher_of_a_self_supervised_training_is_found(tmp_path):
    def holder(state):
        named = {f"module.backbone.{name}": array for name, array in state.items()}
        return {"epoch": 3, "teacher": {**named, "module.head.weight": torch.zeros(2, 2)}}

    _, (model, _) = _pair("timm", (16, 8), tmp_path, holder)
    _, coverage = pretrained.load(tmp_path / "weights.pth", model.init(jax.random.key(1)))
    assert coverage.filled == coverage.expected


def test_positions_are_resized_as_transreid_does(tmp_path):
    """From a square to a person's picture; the class token keeps its own position."""
    theirs, _ = _pair("timm", (16, 16), tmp_path)
    model, _ = _ours("timm", (24, 12))
    variables, _ = pretrained.load(tmp_path / "weights.pth", model.init(jax.random.key(1)))
    where = theirs.pos_embed.detach()
    square = where[:, 1:].reshape(1, 4, 4, CHANNELS).permute(0, 3, 1, 2)
    wanted = nn.functional.interpolate(square, (6, 3), mode="bilinear").permute(0, 2, 3, 1)
    got = variables["params"]["trunk"]
    np.testing.assert_allclose(got["pos_embed"], wanted, atol=1e-6)
    token = (theirs.cls_token + where[:, :1]).detach()
    np.testing.assert_allclose(got["cls_token"], token, atol=1e-6)


@pytest.mark.parametrize(
    ("count", "own", "wanted"),
    [
        (197, (16, 8), (1, (14, 14))),  # ImageNet at 224
        (129, (8, 4), (1, (16, 8))),  # TransReID-SSL at 256x128
        (128, (8, 4), (0, (16, 8))),  # PASS
        (211, (16, 8), (1, (21, 10))),  # TransReID, every 12 pixels
        (211, (21, 10), (1, (21, 10))),
        (193, (16, 8), (1, (24, 8))),  # 384x128
        (1370, (18, 9), (1, (37, 37))),  # DINOv2
        (1369, (18, 9), (0, (37, 37))),  # timm's, with registers
    ],
)
def test_the_grid_of_a_file(count, own, wanted):
    assert vit_files._grid(count, own) == wanted


def test_a_strange_grid_is_refused():
    with pytest.raises(ValueError, match="14 positions are of no square"):
        vit_files._grid(14, (16, 8))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("vit_t16", 5_524_416),  # timm 1.0: 5,717,416 with the classifier of 193,000
        ("vit_s16", 21_665_664),
        ("vit_b16", 85_798_656),
        ("dinov2_s14", 22_056_576),  # DINOv2's model card: 21 M; 37 x 37 + 1 positions
        ("clip_b16_project", 86_192_640),
    ],
)
def test_the_published_size(name, count):
    """At 224 pixels, DINOv2 at 518; position and mask of the class token are not here."""
    options, side = vit.VITS[name], 518 if name.startswith("dinov2") else 224
    shapes = jax.eval_shape(
        lambda key: vit.ViT(**options).init(key, jnp.zeros((1, side, side, 3)), False),
        jax.random.key(0),
    )
    width = options["width"]
    absent = 2 * width if name.startswith("dinov2") else width
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == count - absent


def test_checkpointing_changes_memory_and_nothing_else():
    x = np.random.default_rng(0).normal(size=(2, 64, 32, 3)).astype(np.float32)
    steps = {}
    for remat in (False, True):
        trunk = vit.ViT(48, 4, 2, remat=remat)
        variables = trunk.init(jax.random.key(0), x, False)

        def loss(params, trunk=trunk):
            key = {"drop": jax.random.key(1)}
            return jnp.square(trunk.apply({"params": params}, x, True, rngs=key).token).sum()

        step = jax.jit(jax.grad(loss)).lower(variables["params"])
        steps[remat] = (
            step.compile()(variables["params"]),
            str(jax.make_jaxpr(jax.grad(loss))(variables["params"])),
        )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), steps[False][0], steps[True][0]
    )
    assert "remat" in steps[True][1] and "remat" not in steps[False][1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"backbone": "vit_mini", "bn_domains": True}, "vit_mini normalises by layer"),
        ({"backbone": "swin_t", "bn_frozen": True, "size": "64x64"}, "swin_t normalises by layer"),
        ({"backbone": "resnet_small", "pooling": "token"}, "resnet_small is none"),
        ({"backbone": "resnet_small", "remat": True}, "remat=true is for a transformer"),
        ({"backbone": "vit_mini", "pooling": "tokens"}, "pooling=token"),
        ({"backbone": "vit_mini", "size": "100x64"}, "in multiples of 16"),
        ({"backbone": "dinov2_s14"}, "in multiples of 14"),
    ],
)
def test_what_does_not_go_together_is_refused(options, told):
    with pytest.raises(ValueError, match=told):
        encoders.build(encoders.Network(**options))


def test_pooling_by_tokens():
    trunk = vit.ViT(CHANNELS, 1, HEADS, PATCH, registers=3)
    widths = {"average": CHANNELS, "token": CHANNELS, "tokens": 2 * CHANNELS}
    x = np.random.default_rng(0).integers(0, 256, (2, 16, 8, 3), np.uint8)
    found = {}
    for pooling, width in widths.items():
        model = embedder.model(embedder.Embedder(trunk, Input((16, 8)), pooling, neck=False))
        variables = model.init(jax.random.key(0))
        found[pooling] = model.apply(variables, x, False)[0].embedding
        assert found[pooling].shape == (2, width) and model.width == width
        assert model.feature_map(variables, x).shape == (2, 4, 2, CHANNELS)
    np.testing.assert_allclose(found["tokens"][:, :CHANNELS], found["token"], atol=1e-6)
    assert not np.allclose(found["average"], found["token"])


def test_a_file_of_another_transformer_is_told_by_name(tmp_path):
    shapes = jax.eval_shape(
        lambda key: vit.ViT(**vit.VITS["vit_t16"]).init(key, jnp.zeros((1, 64, 64, 3)), False),
        jax.random.key(0),
    )
    flat = {
        "/".join(("params/trunk", *(part.key for part in path[1:]))): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(shapes)
    }
    order = {2: (1, 0), 4: (3, 2, 0, 1)}
    arrays = {}
    for name, leaf in flat.items():
        turned = leaf.shape
        if name.endswith("kernel"):
            turned = tuple(leaf.shape[axis] for axis in order[len(leaf.shape)])
        arrays[published.torch_name(name)] = torch.zeros(turned)
    torch.save(arrays, tmp_path / "tiny.pth")
    model, _ = _ours("timm", (16, 8))
    with pytest.raises(ValueError, match="those of vit_t16"):
        pretrained.load(tmp_path / "tiny.pth", model.init(jax.random.key(0)))
