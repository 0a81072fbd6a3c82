"""What is told where hiding changed a cover so much that one sees it."""

VISIBLE = 30.0  # dB of PSNR between cover and container; photographs in photographs get 38 and more


def visible(worst: float) -> tuple[str, ...]:
    """Notes on a container whose worst frame has this PSNR, in dB, against its cover: one, or none."""
    if worst >= VISIBLE:
        return ()
    advice = "the network learnt photographs; take another secret or cover, or `--method sealed`"
    return (f"the container visibly differs from its cover ({worst:.1f} dB PSNR): {advice}",)
