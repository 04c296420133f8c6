"""The three passes of a convolution, of images [N, H, W, C] and filters [F, KH, KW, C]: in PyTorch in the memory order of
channels_last, which is that of both, and in JAX as NHWC with the filters in its own order, HWIO."""
import numpy as np

from .case import Case, Normal, row


class Convolution(Case):
    wanted = ""  # which of "image", "filter", "output" the pass gives; it takes the other two

    def __init__(self, name, size):
        super().__init__(name, size)
        self.batch, height, width, channels, filters, self.kernel, self.stride, self.padding = self.numbers
        out = [(extent + 2 * self.padding - self.kernel) // self.stride + 1 for extent in (height, width)]
        self.shapes = {"image": (self.batch, height, width, channels), "filter": (filters, self.kernel, self.kernel, channels),
                       "output": (self.batch, *out, filters)}

    def inputs(self):
        numbers = Normal()
        return {name: numbers(*shape) for name, shape in self.shapes.items() if name != self.wanted}

    def expected(self, x, found):
        return {self.wanted: (self.exact(x), self.exact({name: np.abs(value) for name, value in x.items()}))}

    def exact(self, x):
        """A product for each place in the filter."""
        _, height, width, channels = self.shapes["image"]
        _, out_height, out_width, filters = self.shapes["output"]
        image = np.zeros((self.batch, height + 2 * self.padding, width + 2 * self.padding, channels))
        inside = image[:, self.padding:self.padding + height, self.padding:self.padding + width]
        if "image" in x:
            inside[...] = x["image"]
        filter_, output = x.get("filter", np.zeros(self.shapes["filter"])), x.get("output", np.zeros(self.shapes["output"]))
        for i in range(self.kernel):
            for j in range(self.kernel):
                seen = image[:, i:i + self.stride * out_height:self.stride, j:j + self.stride * out_width:self.stride]
                if self.wanted == "output":
                    output += seen @ filter_[:, i, j].T
                elif self.wanted == "image":
                    seen += output @ filter_[:, i, j]
                else:
                    filter_[:, i, j] = output.reshape(-1, filters).T @ seen.reshape(-1, channels)
        return {"image": inside, "filter": filter_, "output": output}[self.wanted]

    def torch(self, torch, x, options):
        """The passes backward are the function that autograd calls for them."""
        back = lambda value: value.permute(0, 2, 3, 1)
        of = {name: value.permute(0, 3, 1, 2) for name, value in x.items()}
        if self.wanted == "output":
            return lambda: {"output": back(torch.nn.functional.conv2d(of["image"], of["filter"], stride=self.stride, padding=self.padding))}
        of[self.wanted] = next(iter(x.values())).new_zeros(self.shapes[self.wanted]).permute(0, 3, 1, 2)  # only its shape is used
        wanted = [self.wanted == "image", self.wanted == "filter", False]
        backward = lambda: torch.ops.aten.convolution_backward(of["output"], of["image"], of["filter"], None, [self.stride] * 2, [self.padding] * 2,
                                                               [1, 1], False, [0, 0], 1, wanted)
        return lambda: {self.wanted: back(backward()[wanted.index(True)])}

    def jax(self, jax, x):
        convolve = lambda image, filter_: jax.lax.conv_general_dilated(
            image, filter_, (self.stride, self.stride), [(self.padding, self.padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))

        def once(state, x):
            if self.wanted == "output":
                return {"output": convolve(x["image"], x["filter"])}
            shape = self.shapes[self.wanted]
            if self.wanted == "image":
                of, like = lambda image: convolve(image, x["filter"]), jax.ShapeDtypeStruct(shape, "float32")
            else:
                of, like = lambda filter_: convolve(x["image"], filter_), jax.ShapeDtypeStruct((*shape[1:], shape[0]), "float32")
            return {self.wanted: jax.linear_transpose(of, like)(x["output"])[0]}
        return {}, once

    def to_jax(self, x):
        return {name: value.transpose(1, 2, 3, 0) if name == "filter" else value for name, value in x.items()}

    def from_jax(self, found):
        return {name: value.transpose(3, 0, 1, 2) if name == "filter" else value for name, value in found.items()}


@row("conv forward")
class Forward(Convolution):
    wanted = "output"


@row("conv input_grad")
class InputGrad(Convolution):
    wanted = "image"


@row("conv weight_grad")
class WeightGrad(Convolution):
    wanted = "filter"
