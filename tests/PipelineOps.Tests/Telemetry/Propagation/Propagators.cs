using System.Diagnostics;

namespace PipelineOps.Tests.Telemetry.Propagation;

/// <summary>Replaces the process's propagator until disposed.</summary>
internal sealed class ReplacedPropagator : IDisposable
{
    private readonly DistributedContextPropagator _before = DistributedContextPropagator.Current;

    public ReplacedPropagator(DistributedContextPropagator propagator) => DistributedContextPropagator.Current = propagator;

    public void Dispose() => DistributedContextPropagator.Current = _before;
}

/// <summary>Throws whenever it is used.</summary>
internal sealed class ThrowingPropagator : DistributedContextPropagator
{
    public override IReadOnlyCollection<string> Fields => throw new InvalidOperationException("fields");

    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter) => throw new InvalidOperationException("inject");

    public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) =>
        throw new InvalidOperationException("context");

    public override IEnumerable<KeyValuePair<string, string?>> ExtractBaggage(object? carrier, PropagatorGetterCallback? getter)
    {
        yield return new("a", "1");
        throw new InvalidOperationException("baggage");
    }
}

/// <summary>Answers with nothing where it must not.</summary>
internal sealed class NullPropagator : DistributedContextPropagator
{
    public override IReadOnlyCollection<string> Fields => null!;

    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter) => setter!(carrier, null!, null!);

    public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState)
    {
        getter!(carrier, null!, out traceId, out _);
        traceState = null;
    }

    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
}

/// <summary>Uses names of its own, hands on whatever it finds, and lets one item of baggage through.</summary>
internal sealed class OwnPropagator : DistributedContextPropagator
{
    public override IReadOnlyCollection<string> Fields { get; } = ["x-own-parent"];

    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
    {
        setter!(carrier, "x-own-parent", activity!.Id!);
        setter(carrier, "x-undeclared", "new");
    }

    public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState)
    {
        getter!(carrier, "X-Own-Parent", out traceId, out _);
        getter(carrier, "tracestate", out traceState, out _);
    }

    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) =>
        CreateDefaultPropagator().ExtractBaggage(carrier, getter)?.Where(item => item.Key == "tenant");
}
