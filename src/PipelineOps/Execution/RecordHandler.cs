using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>
/// Invokes handlers of records where the compiler, which is not to profile these methods, does not inline them: a hot handler's frame would otherwise vanish from the
/// stacks of what it throws, and failures of one place would get two fingerprints, one from before and one from after. Costs a nanosecond.
/// </summary>
internal static class RecordHandler
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TTask Invoke<TRecord, TTask>(Func<TRecord, CancellationToken, TTask> handler, TRecord record, CancellationToken cancellationToken) =>
        handler(record, cancellationToken);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TTask Invoke<TRecord, TState, TTask>(
        Func<TRecord, TState, CancellationToken, TTask> handler, TRecord record, TState state, CancellationToken cancellationToken) =>
        handler(record, state, cancellationToken);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TTask Invoke<TRecord, TState, TAttempt, TTask>(
        Func<TRecord, TState, TAttempt, CancellationToken, TTask> handler, TRecord record, TState state, in TAttempt attempt, CancellationToken cancellationToken) =>
        handler(record, state, attempt, cancellationToken);
}
