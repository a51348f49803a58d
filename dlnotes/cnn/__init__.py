"""Convolutional networks (chapter 2): the operation, its sizes and gradients, and the six networks.

Read the files in this order: ``sizes`` (outputs and receptive fields), ``convolution`` (as loops,
by unfolding, backwards and as a circulant matrix), ``pooling``; then ``lenet``, ``alexnet``,
``vgg``, ``googlenet`` and ``resnet``, with ``parts`` for what they share; ``small``, the versions
for 28 × 28 images that the chapter trains; ``cost``, their multiply-adds. AlexNet and later have
the parameter names of torchvision's networks, so state dicts load both ways. What differs from a
paper is said beside its network.
"""

from dlnotes.cnn.alexnet import AlexNet
from dlnotes.cnn.convolution import (
    check_convolution,
    conv1d_circulant,
    conv2d,
    conv2d_backward,
    conv2d_loops,
)
from dlnotes.cnn.cost import flops
from dlnotes.cnn.googlenet import (
    AuxiliaryClassifier,
    ConvNormReLU,
    GoogLeNet,
    GoogLeNetOutputs,
    Inception,
)
from dlnotes.cnn.lenet import LeNet5
from dlnotes.cnn.parts import check_images, conv_relu, he_initialisation
from dlnotes.cnn.pooling import pool2d
from dlnotes.cnn.resnet import (
    BasicBlock,
    Bottleneck,
    PaddingShortcut,
    ResNet,
    ResNet18,
    ResNet34,
    ResNet50,
    plain_or_residual,
    residual_stage,
)
from dlnotes.cnn.sizes import (
    POINTWISE,
    Pair,
    both_axes,
    conv_output_size,
    pool_output_size,
    receptive_field,
)
from dlnotes.cnn.small import GreyImages, scaled
from dlnotes.cnn.vgg import VGG16, VGG16_PLAN, vgg_features

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
    "check_convolution",
    "check_images",
    "conv1d_circulant",
    "conv2d",
    "conv2d_backward",
    "conv2d_loops",
    "conv_output_size",
    "conv_relu",
    "flops",
    "he_initialisation",
    "plain_or_residual",
    "pool2d",
    "pool_output_size",
    "receptive_field",
    "residual_stage",
    "scaled",
    "vgg_features",
]
