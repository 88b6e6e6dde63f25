"""Examples of every command, as its help shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.commands.options.arguments import Parser

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "run": (
        "biomill run my-recipe.toml -o out/mine",
        "biomill run my-recipe.toml -o out/mine --until screen --set image.side=224",
        "biomill run my-recipe.toml -o out/mine --retry throttled,timeout",
    ),
    "plan": (
        "biomill plan my-recipe.toml",
        "biomill plan my-recipe.toml -o out/mine --sample 200 --workers 8",
        "biomill plan my-recipe.toml --set 'select.taxa=[\"Aves\"]' --json",
    ),
    "status": ("biomill status out/mine", "biomill status out/mine --watch"),
    "sql": (
        'biomill sql out/mine "SELECT outcome, count(*) FROM ledger GROUP BY ALL"',
        'biomill sql out/mine "FROM taxa" --format csv',
    ),
    "explain": ("biomill explain out/mine 4100005483",),
    "report": ("biomill report out/mine", "biomill report out/mine -o report.html --figures out/figures --open"),
    "export": (
        'biomill export out/mine -o out/birds --where "\\"class\\" = \'Aves\'"',
        "biomill export out/mine -o out/folders --format folders --classes genus",
    ),
    "verify": ("biomill verify out/mine",),
    "feed": (
        "biomill feed out/mine --batch 256 --steps 100 --sampler cap --cap 50",
        "biomill feed out/mine --bench --gpus 8",
    ),
    "train": (
        "biomill train out/mine -o out/model --recipe tiny",
        "biomill train out/mine -o out/vit --recipe bioclip --batch 1024 --workers 8",
        "biomill train out/mine -o out/model --recipe bioclip2 --print",
    ),
    "embed": (
        "biomill embed out/mine --model out/model",
        "biomill embed out/mine --model open_clip:ViT-B-16@weights.pt --name vit --device cuda --workers 8",
        "biomill embed out/mine --model timm:vit_small_patch14_dinov2.lvd142m --name dinov2",
        "biomill embed out/mine --from vectors.parquet --name bioclip2",
    ),
    "neighbours": (
        "biomill neighbours out/mine --split test --among train --k 1 --within 0.05 -o leaks.parquet",
        "biomill neighbours out/mine --image photo.jpg --model out/model",
    ),
    "evaluate": (
        "biomill evaluate out/mine --embeddings embeddings.parquet --texts texts.parquet -o out/evaluation",
        "biomill evaluate out/mine --embeddings out/mine/embeddings/model --text taxon -o out/evaluation",
        "biomill evaluate out/mine --model out/model --text taxon --where \"source = 'gbif'\" -o out/evaluation",
        "biomill evaluate out/mine --embeddings embeddings.parquet --shots 1 5 10 --json",
    ),
    "publish": ("biomill publish out/mine s3://bucket/mine --check",),
    "recipe": (
        "biomill recipe --starter > my-recipe.toml",
        "biomill recipe my-recipe.toml --set fetch.contact=you@example.org",
        "biomill recipe --reference",
    ),
    "init": (
        "biomill init downloads/0012345.zip -o my-recipe.toml --contact you@example.org",
        "biomill init media_manifest.tgz dh22.zip --benchmark rare_species -o my-recipe.toml",
    ),
    "demo": (
        "biomill demo -o out/demo",
        "biomill demo -o out/tree --biota tree --seed 5 --species 48 --images 16",
    ),
    "inspect": ("biomill inspect downloads/0012345.zip",),
    "images": ("biomill images photos", "biomill images photos --side 128 -o out/stored --json"),
    "records": ("biomill records downloads/0012345.zip --kind gbif-dwca -o out/records",),
    "licences": ("biomill licences downloads/multimedia.csv --column license",),
    "fetch": (
        "biomill fetch urls.csv -o out/photos --contact you@example.org",
        "biomill fetch urls.txt.gz -o out/photos --contact you@example.org --side 720 --rule longest",
        "biomill fetch urls.csv -o out/photos --contact you@example.org --host-rule 'example.org rate=1'",
    ),
    "plan-gbif": ("biomill plan-gbif simple.zip -o out/plan --licence CC_BY_4_0",),
    "pull gbif": (
        "biomill pull gbif taxonKey=5WZLF mediaType=StillImage -o downloads/gbif --contact you@example.org",
        "biomill pull gbif --key 0012345-250101000000000 -o downloads/gbif",
    ),
    "pull gbif-pages": ("biomill pull gbif-pages taxonKey=2431762 -o downloads/pages --contact you@example.org",),
    "taxonomy build": ("biomill taxonomy build downloads/col/latest_coldp.zip default -o out/taxonomy",),
    "taxonomy resolve": ("biomill taxonomy resolve names.csv --taxonomy out/taxonomy -o resolved.csv",),
    "taxonomy explain": ('biomill taxonomy explain "Puma concolor" --family Felidae',),
    "taxonomy parse": ("biomill taxonomy parse names.csv --json", "biomill taxonomy parse - < names.txt"),
    "taxonomy diff": ("biomill taxonomy diff out/taxonomy-2024 out/taxonomy -o changes.parquet",),
    "taxonomy tree": ('biomill taxonomy tree --taxonomy out/taxonomy "Puma concolor" "Felis catus" --lca',),
    "taxonomy pull": (
        "biomill taxonomy pull list",
        "biomill taxonomy pull col -o downloads/col --contact you@example.org",
    ),
    "dedup": ("biomill dedup photos -o out/alike --labels labels.csv",),
    "leakage hash": ("biomill leakage hash benchmark -o out/benchmark.parquet",),
    "leakage check": ("biomill leakage check --train photos --heldout benchmark -o out/leaks",),
    "leakage taxa": ("biomill leakage taxa --heldout classes.csv --train names.csv --taxonomy out/taxonomy",),
    "leakage certify": ("biomill leakage certify out/mine -o out/certificate",),
    "completion": ('eval "$(biomill completion bash)"', "biomill completion zsh"),
    "help": ("biomill help run", "biomill help taxonomy build"),
}
"""By the words of the command; a line may have a shell's `>`, `<` and `$( )` around the command."""


def leaves(parser: Parser, words: str = "") -> Iterator[tuple[str, Parser]]:
    """Yield every command that does something itself, by its words, in the order of help."""
    groups = parser.groups()
    for name, child in groups.items():
        yield from leaves(child, f"{words} {name}".strip())
    if not groups:
        yield words, parser


def add_examples(parser: Parser) -> None:
    """Show the examples at the end of each command's help."""
    for words, each in leaves(parser):
        if words in EXAMPLES:
            each.epilog = "\n".join(["examples:", *(f"  {line}" for line in EXAMPLES[words])])
