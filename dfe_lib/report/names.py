"""What figures call the methods, codes, representations and labels that tables hold by a key."""

__all__ = ["people_name"]

NAMES = {
    # codes of notebook 03
    "dfe_additive": "DFE", "dfe_joint": "DFE, joint decoder", "dfe_separate": "DFE, a codebook a stage",
    "faiss_rq": "residual quantiser (faiss)", "faiss_pq": "product quantiser (faiss)",
    "implicit": "implicit neural codebooks", "kmeans": "k-means", "pca_scalar": "PCA, scalar quantised",
    "fsq": "finite scalar quantisation", "vqvae": "VQ-VAE", "region_dictionary": "dictionary of each region",
    "au_intensity": "AU intensities", "au_binary": "AUs present or absent",
    # codes of notebook 04
    "dfe": "DFE tokens", "openface17": "OpenFace 17", "pyfeat20": "py-feat 20", "libreface12": "LibreFace 12",
    "disfa12": "DISFA 12", "bp4d12": "BP4D 12", "facs": "full FACS", "pca": "PCA, scalar quantised",
    "residual_kmeans": "residual k-means", "exact": "psi", "random": "any frame of others",
    # fits of notebook 02
    "neutral": "always neutral", "blendshapes": "scores", "blendshapes_calibrated": "calibrated scores",
    "landmarks_gn": "landmarks, Gauss-Newton", "ours_landmarks": "ours, landmarks alone", "ours": "ours",
    # representations and labels of notebook 05
    "mae_small": "MAE of face crops", "videomae_small": "VideoMAE of face crops", "phq8": "depression (PHQ-8)",
    "truth: display counts": "true displays, counted",
}  # fmt: skip
ENDINGS = {"_raw": ", raw coefficients", "_regressed": ", regressed", "_held": ", held while the face is still"}
STARTS = {"dfe_k": "DFE, {} codes", "au ": "AU {}"}
SEARCH = "_beam"
"""Before the number of partial sums that a search keeps."""


def people_name(key: str) -> str:
    """A name for people; keys that have none are shown as they are, such as a user's labels.

    >>> people_name("dfe_k1024"), people_name("faiss_rq_beam16"), people_name("au words, OpenFace 17")
    ('DFE, 1024 codes', 'residual quantiser (faiss), wide search', 'AU words, OpenFace 17')
    """
    if key in NAMES:
        return NAMES[key]
    for ending, said in ENDINGS.items():
        if key.endswith(ending):
            return people_name(key.removesuffix(ending)) + said
    if SEARCH in key:
        return f"{people_name(key[: key.rindex(SEARCH)])}, wide search"
    for start, said in STARTS.items():
        if key.startswith(start):
            return said.format(key.removeprefix(start))
    return key
