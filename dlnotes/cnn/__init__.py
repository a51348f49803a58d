"""Convolutional networks (chapter 2): the operation, its sizes and gradients, and the six networks.

Read from top to bottom: output sizes and receptive fields; the convolution as loops, by unfolding,
backwards and as a circulant matrix; pooling; then LeNet-5, AlexNet, VGG-16, GoogLeNet and the
ResNets. AlexNet and later have the parameter names of torchvision's networks, so state dicts load
both ways. At the end the small versions for 28 × 28 images that the chapter trains.

Differs from the papers:
    LeNet-5: full connections in C3, pooling without trainable coefficients, a linear output layer
        instead of radial basis functions; ReLU and max pooling unless the paper's are asked for.
    AlexNet: one group instead of two GPUs' halves, no local response normalisation
        (Krizhevsky 2014, arXiv:1404.5997).
    GoogLeNet: batch normalisation, and 3 × 3 kernels in the "5 × 5" branch, as torchvision has it.
    ResNet-50: a downsampling bottleneck strides in its 3 × 3, not in its first 1 × 1 convolution.
"""

from dlnotes.cnn.alexnet import AlexNet, conv_relu
from dlnotes.cnn.convolution import conv1d_circulant, conv2d, conv2d_backward, conv2d_loops
from dlnotes.cnn.googlenet import (
    AuxiliaryClassifier,
    ConvNormReLU,
    GoogLeNet,
    GoogLeNetOutputs,
    Inception,
)
from dlnotes.cnn.lenet import LeNet5
from dlnotes.cnn.pooling import pool2d
from dlnotes.cnn.resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    ResNet18,
    ResNet34,
    ResNet50,
    residual_stage,
)
from dlnotes.cnn.sizes import (
    POINTWISE,
    VGG16_PLAN,
    Pair,
    both_axes,
    check_images,
    conv_output_size,
    pool_output_size,
    receptive_field,
)
from dlnotes.cnn.small import GreyImages, PaddingShortcut, flops, plain_or_residual, scaled
from dlnotes.cnn.vgg import VGG16, vgg_features

__all__ = [
    "POINTWISE",
    "VGG16",
    "VGG16_PLAN",
    "AlexNet",
    "AuxiliaryClassifier",
    "BasicBlock",
    "Bottleneck",
    "ConvNormReLU",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "GreyImages",
    "Inception",
    "LeNet5",
    "PaddingShortcut",
    "Pair",
    "ResNet",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "both_axes",
    "check_images",
    "conv1d_circulant",
    "conv2d",
    "conv2d_backward",
    "conv2d_loops",
    "conv_output_size",
    "conv_relu",
    "flops",
    "plain_or_residual",
    "pool2d",
    "pool_output_size",
    "receptive_field",
    "residual_stage",
    "scaled",
    "vgg_features",
]
