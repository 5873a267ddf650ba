"""Print the frozen environment that runs this script, as constraints.txt."""

from importlib.metadata import distributions

OURS_OR_TOOLS = {"rmtlib", "pip", "setuptools", "wheel"}
# Where only the package index is in reach, torch is its CUDA build and brings these.
OF_CUDA = ("cuda-", "nvidia-", "triton")


def pins() -> dict[str, str]:
    """Version of every installed distribution, without local version parts."""
    found = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions()}
    return {
        name: version.split("+")[0]
        for name, version in sorted(found.items())
        if name not in OURS_OR_TOOLS and not name.startswith(OF_CUDA)
    }


if __name__ == "__main__":
    print("# The frozen environment that passed the tests; rewritten by `make lock`.")
    for name, version in pins().items():
        print(f"{name}=={version}")
